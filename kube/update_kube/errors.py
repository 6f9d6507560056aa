"""What went wrong between us and the API server, as exceptions that a caller can tell apart.

Two families under one base: `StatusError`, the API server answered with a metav1.Status; and `Unreachable`, no answer
came. `CredentialsError` is before both: there is nothing to ask with. Names follow Kubernetes' own reasons.
"""

# ruff: noqa: N818 - named after what happened, in the words of Kubernetes: NotFound, not NotFoundError

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from typing import Any


class KubeError(Exception):
    """Anything that kept a request from being fulfilled; its text is fit for a person."""


class CredentialsError(KubeError):
    """The configuration or credentials cannot be used; nothing was sent. The text says what to change."""


class Unreachable(KubeError):
    """No usable answer: refused, reset, no such host, cut off, or out of time. Trying later may help."""


class UntrustedServer(Unreachable):
    """The server's certificate isn't signed by the CA that we were given, or is for another name."""


class NotSynced(KubeError, TimeoutError):
    """A complete list didn't arrive in the time allowed."""


@dataclasses.dataclass(frozen=True, slots=True)
class Cause:
    """One entry of Status.details.causes: `field` as a path, `reason` such as FieldValueInvalid."""

    reason: str
    field: str
    message: str


@dataclasses.dataclass(frozen=True, slots=True)
class FieldConflict:
    """A field that `manager` owns and a server-side apply wanted to set to something else."""

    manager: str
    field: str
    message: str


class StatusError(KubeError):
    """The API server answered with a failure.

    `status_code` is the HTTP code, `reason` the machine-readable word (may be empty), `message` the server's text,
    `details` Status.details as it came, `retry_after` seconds to wait if the server said so.
    """

    def __init__(
        self,
        status_code: int,
        reason: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        *,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.reason = reason
        self.message = message
        self.details: Mapping[str, Any] = details if details is not None else {}
        self.retry_after = retry_after

    @property
    def causes(self) -> tuple[Cause, ...]:
        """What the server names as causes, one per field where it knows; empty if it named none."""
        causes = self.details.get("causes") or ()
        return tuple(
            Cause(str(c.get("reason", "")), str(c.get("field", "")), str(c.get("message", "")))
            for c in causes
            if isinstance(c, Mapping)
        )


class BadRequest(StatusError):
    """400: the request makes no sense to the server; also an unknown field, whatever code that came with."""


class Unauthorized(StatusError):
    """401: the server doesn't know who is asking."""


class Forbidden(StatusError):
    """403: it knows, and the answer is no (RBAC, an admission policy, a namespace going away)."""


class NotFound(StatusError):
    """404: no such object, or no such kind of object."""


class Conflict(StatusError):
    """409: someone changed the object meanwhile, or, on server-side apply, other managers own the fields."""

    @property
    def conflicts(self) -> tuple[FieldConflict, ...]:
        """The fields owned by others; empty if this isn't a server-side apply conflict."""
        return tuple(
            FieldConflict(_manager(cause.message), cause.field, cause.message)
            for cause in self.causes
            if cause.reason == "FieldManagerConflict"
        )


class AlreadyExists(StatusError):
    """409 on create: the name is taken."""


class Gone(StatusError):
    """410: the resourceVersion or continue token is too old; list anew."""


class Invalid(StatusError):
    """422: the schema or a validation rule refuses the object; see `causes`."""


class TooManyRequests(StatusError):
    """429: slow down; `retry_after` says how long, where the server does."""


class ServerError(StatusError):
    """5xx: the server failed; the same request may succeed later."""


_BY_CODE: Mapping[int, type[StatusError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    422: Invalid,
    429: TooManyRequests,
}

# 'conflict with "kubectl" using v1', 'conflict with "x" with subresource "status" using v1 at …'
_MANAGER = re.compile(r'conflict with "((?:[^"\\]|\\.)*)"')

# Server-side apply answers 500 to a field that the schema doesn't have; repeating it can't help.
_UNDECLARED_FIELD = "field not declared in schema"

_EXCERPT_LENGTH = 300


def from_status(code: int, body: bytes | str | Mapping[str, Any] | None, retry_after: str | None = None) -> StatusError:
    """The exception for an answer with HTTP code `code`.

    `body` is the answer's body, a metav1.Status if the API server itself wrote it: bytes, text, or parsed. Proxies
    and load balancers answer in other formats: an excerpt of what they say becomes the message. `retry_after` is the
    Retry-After header (whole seconds; anything else is ignored).
    """
    status = _parsed(body)
    details = status.get("details")
    details = details if isinstance(details, Mapping) else {}
    reason = str(status.get("reason") or "")
    message = str(status.get("message") or "") or f"the server answered {code} {_excerpt(body)}".rstrip()
    kind = _BY_CODE.get(code, ServerError if code >= 500 else StatusError)
    if code == 409 and reason == "AlreadyExists":
        kind = AlreadyExists
    if code == 500 and _UNDECLARED_FIELD in message:
        kind = BadRequest
    return kind(code, reason, message, details, retry_after=_seconds(details.get("retryAfterSeconds"), retry_after))


def from_watch_status(status: Mapping[str, Any]) -> StatusError:
    """The exception for the Status in a watch's ERROR event, which carries the code that HTTP no longer can."""
    code = status.get("code")
    return from_status(code if isinstance(code, int) and code >= 400 else 500, status)


def _parsed(body: bytes | str | Mapping[str, Any] | None) -> Mapping[str, Any]:
    if isinstance(body, Mapping):
        return body
    try:
        parsed = json.loads(body or "{}")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _excerpt(body: bytes | str | Mapping[str, Any] | None) -> str:
    if not body or isinstance(body, Mapping):
        return ""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    text = " ".join(text.split())
    return text if len(text) <= _EXCERPT_LENGTH else text[:_EXCERPT_LENGTH] + "…"


def _seconds(*candidates: object) -> float | None:
    for candidate in candidates:
        # Retry-After may also be an HTTP date; the API server never sends one.
        if isinstance(candidate, int) and candidate > 0:
            return float(candidate)
        if isinstance(candidate, str) and candidate.strip().isdecimal():
            return float(candidate.strip())
    return None


def _manager(message: str) -> str:
    found = _MANAGER.search(message)
    return found.group(1) if found else ""
