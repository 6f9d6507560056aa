"""How does the fleet API say no? As every Kubernetes API: with a metav1.Status that has a reason and a message for people."""

from collections.abc import Mapping, Sequence
from typing import Any

import pydantic_core
from starlette.responses import Response

from omaha_api.fleet_api.kinds import Kind
from update_core.fleet.reading import LogExpired
from update_core.fleet.store import StoreUnavailable
from update_kube.resources import FLEET_GROUP

STORE_RETRY_SECONDS = 2


class ApiError(Exception):
    """An answer ≥ 400. `reason` is one of Kubernetes' words (metav1.StatusReason), by which clients decide what to do next."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.headers = headers

    def to_wire(self) -> dict[str, Any]:
        """The metav1.Status."""
        status = {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason,
        }  # fmt: skip
        if self.details:
            status["details"] = dict(self.details)
        return status | {"code": self.code}


def bad_request(message: str) -> ApiError:
    """The request can't be understood."""
    return ApiError(400, "BadRequest", message)


def not_found(kind: Kind, name: str) -> ApiError:
    """There is no such object."""
    details = {"name": name, "group": FLEET_GROUP, "kind": kind.plural}
    return ApiError(404, "NotFound", f'{kind.type.qualified} "{name}" not found', details=details)


def no_such_path(path: str) -> ApiError:
    """Nothing is served there."""
    return ApiError(404, "NotFound", f"nothing is served at {path}; GET /apis lists what is")


def method_not_allowed(method: str, path: str, allowed: Sequence[str]) -> ApiError:
    """What is there can't be done this to."""
    message = f"{method} isn't possible on {path}, only {', '.join(allowed)}: the fleet API shows what instances report"
    return ApiError(405, "MethodNotAllowed", message, headers={"Allow": ", ".join(allowed)})


def invalid(kind: str, name: str, causes: Sequence[tuple[str, str]]) -> ApiError:
    """The request is understood, but something in it isn't allowed: (field, what is wrong with it)."""
    details = {
        "name": name, "group": FLEET_GROUP, "kind": kind,
        "causes": [{"reason": "FieldValueInvalid", "message": why, "field": field} for field, why in causes],
    }  # fmt: skip
    message = f'{kind}.{FLEET_GROUP} "{name}" is invalid: ' + ", ".join(f"{field}: {why}" for field, why in causes)
    return ApiError(422, "Invalid", message, details=details)


def not_acceptable() -> ApiError:
    """The Accept header leaves out everything that could be sent."""
    return ApiError(
        406, "NotAcceptable", "only application/json can be sent, also as=Table or as=PartialObjectMetadata"
    )


def expired(message: str) -> ApiError:
    """A resource version or a continue token is of the past: whoever has it lists again."""
    return ApiError(410, "Expired", message)


def too_large(wanted: int, latest: int) -> ApiError:
    """A resource version that hasn't been reached; client-go lists without one when it sees this cause."""
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    message = f"Too large resource version: {wanted}, current: {latest}"
    return ApiError(504, "Timeout", message, details={"causes": [cause], "retryAfterSeconds": 1})


def unavailable(message: str, *, retry_seconds: int = STORE_RETRY_SECONDS) -> ApiError:
    """Not now."""
    details = {"retryAfterSeconds": retry_seconds}
    headers = {"Retry-After": str(retry_seconds)}
    return ApiError(503, "ServiceUnavailable", message, details=details, headers=headers)


def of(error: Exception) -> ApiError | None:
    """What an exception from below is as an answer, None for a bug."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, StoreUnavailable):
        return unavailable(f"the fleet store can't be read now: {error}")
    if isinstance(error, LogExpired):
        return expired(
            f"too old resource version: {str(error) or 'the changes since then are no longer kept'}; list again"
        )
    return None


def response(error: ApiError) -> Response:
    """The answer."""
    return Response(
        pydantic_core.to_json(error.to_wire()), error.code, headers=error.headers, media_type="application/json"
    )
