"""Who asks the fleet API? Whom the API server's front proxy names, if it is the front proxy that asks.

Which certificates are the front proxy's, the cluster says in a ConfigMap; this module follows it. While the API server is away, the last
one read counts. Everybody else is answered 401 and isn't told why; the log is. Until the ConfigMap has been read, nobody's certificate can
be judged: that is our fault and not theirs, so it is a 503 to ask again after, which kubectl doesn't take for a wrong password.
"""

import enum
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from omaha_api.clock import Clock
from omaha_api.fleet_api import statuses
from omaha_api.fleet_api.front import client_certificates, proxy_trust, request_headers
from omaha_api.fleet_api.front.request_headers import User
from update_kube import client, reflector, resources

logger = logging.getLogger(__name__)

NAMESPACE = "kube-system"
CONFIGMAP = "extension-apiserver-authentication"

_REMEMBERED = 64
_COMPLAIN_AGAIN = timedelta(minutes=1)


class Reason(enum.StrEnum):
    """Why a request isn't the front proxy's."""

    NOT_READ_YET = "NotReadYet"
    NO_FRONT_PROXY = "NoFrontProxy"
    NO_CERTIFICATE = "NoCertificate"
    UNTRUSTED_CERTIFICATE = "UntrustedCertificate"
    WRONG_NAME = "WrongName"
    NO_USER = "NoUser"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that isn't answered. `detail` is for the log alone."""

    reason: Reason
    detail: str

    @property
    def answer(self) -> statuses.ApiError:
        """What the client gets to know."""
        if self.reason is Reason.NOT_READ_YET:
            return statuses.unavailable("the cluster's front proxy isn't known yet")
        # Closed: a proxy whose certificate has been replaced comes back with the new one.
        return statuses.ApiError(401, "Unauthorized", "Unauthorized", headers={"Connection": "close"})


class FrontProxy:
    """Knows the front proxy's requests from all others."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._trust: proxy_trust.Trust | None = None
        self._verified: dict[tuple[str, ...], client_certificates.Verified] = {}
        self._complaints = _Complaints(clock)

    @property
    def known(self) -> bool:
        """Whether the ConfigMap has been read: before that, no request gets past."""
        return self._trust is not None

    async def run(self, kube: client.Client) -> None:
        """Follow the ConfigMap until cancelled; needs get, list and watch on this one."""
        await reflector.Reflector(
            kube,
            resources.CONFIGMAPS,
            namespace=NAMESPACE,
            field_selector=f"metadata.name={CONFIGMAP}",
            on_change=self._on_change,
        ).run()

    def follow(self, data: Mapping[str, str]) -> None:
        """Go by this content of the ConfigMap from now on; what can't be used leaves all as it was."""
        try:
            self._trust = proxy_trust.read(data)
        except proxy_trust.ConfigMapError as error:
            logger.warning("ConfigMap %s/%s can't be used: %s", NAMESPACE, CONFIGMAP, error)
            return
        self._verified.clear()
        if self._trust.authorities is None:
            logger.warning("the API server has no front proxy: nobody can ask the fleet API")

    def authenticate(self, scope: Mapping[str, Any]) -> User | Refusal:
        """Whom an HTTP request (an ASGI scope) is from."""
        answer = self._authenticate(scope)
        if isinstance(answer, Refusal):
            self._complaints.note(answer, scope.get("client"))
        return answer

    def _authenticate(self, scope: Mapping[str, Any]) -> User | Refusal:
        chain = scope.get("extensions", {}).get("tls", {}).get("client_cert_chain", ())
        if not chain:
            return Refusal(Reason.NO_CERTIFICATE, "it showed no client certificate")
        if self._trust is None:
            return Refusal(Reason.NOT_READ_YET, f"ConfigMap {NAMESPACE}/{CONFIGMAP} hasn't been read")
        if self._trust.authorities is None:
            return Refusal(Reason.NO_FRONT_PROXY, "the API server has no front proxy")
        verified = self._verify(chain, self._trust.authorities)
        if isinstance(verified, client_certificates.Untrusted):
            return Refusal(Reason.UNTRUSTED_CERTIFICATE, f"its certificate isn't trusted: {verified.reason}")
        if self._trust.allowed_names and verified.common_name not in self._trust.allowed_names:
            return Refusal(Reason.WRONG_NAME, f"its certificate is for {verified.common_name!r}")
        user = request_headers.user(scope["headers"], self._trust.headers)
        return user or Refusal(Reason.NO_USER, "its headers name no user")

    def _verify(
        self, chain: tuple[str, ...], authorities: client_certificates.Authorities
    ) -> client_certificates.Verified | client_certificates.Untrusted:
        """As long as it holds and the authorities are the same, a chain is verified once."""
        now = self._clock()
        remembered = self._verified.get(chain)
        if remembered is not None and now < remembered.until:
            return remembered
        result = authorities.verify(chain, now)
        if isinstance(result, client_certificates.Verified):
            if len(self._verified) >= _REMEMBERED:
                self._verified.clear()
            self._verified[chain] = result
        return result

    def _on_change(self, change: reflector.Change) -> None:
        if change.kind is reflector.ChangeKind.DELETED:
            logger.warning("ConfigMap %s/%s is gone; what it said last still counts", NAMESPACE, CONFIGMAP)
            return
        self.follow(change.obj.get("data") or {})


class Authentication:
    """ASGI: the application hears of the front proxy's requests alone, with the user in `scope["state"]["user"]`."""

    def __init__(self, app: Any, front_proxy: FrontProxy) -> None:
        self._app = app
        self._front_proxy = front_proxy

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise ValueError(f"only HTTP is authenticated, not {scope['type']}")
        answer = self._front_proxy.authenticate(scope)
        if isinstance(answer, Refusal):
            await statuses.response(answer.answer)(scope, receive, send)
            return
        scope.setdefault("state", {})["user"] = answer
        await self._app(scope, receive, send)


@dataclass
class _Complaints:
    """Each reason is logged at once, and then not again for a while: strangers shall not fill the log."""

    clock: Clock
    _quiet_until: dict[Reason, datetime] = field(default_factory=dict)
    _unsaid: dict[Reason, int] = field(default_factory=dict)

    def note(self, refusal: Refusal, address: Any) -> None:
        now = self.clock()
        if now < self._quiet_until.get(refusal.reason, now):
            self._unsaid[refusal.reason] = self._unsaid.get(refusal.reason, 0) + 1
            return
        self._quiet_until[refusal.reason] = now + _COMPLAIN_AGAIN
        more = self._unsaid.pop(refusal.reason, 0)
        since = f" ({more} more since the last such line)" if more else ""
        logger.warning("a request from %s was refused: %s%s", address[0] if address else "?", refusal.detail, since)
