"""Who do we say we are? Tokens, token files that rotate, and whatever a kubeconfig's user section holds.

Each kind of credentials resolves to an `Identity` right before a request, because all but the simplest change while
the process runs. What a kubeconfig user may hold (exec plugins, OIDC, client certificates) the official client knows.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from update_kube import client_certificate, errors

REREAD_SECONDS = 60.0
"""A token file is read again after this long even if it looks unchanged."""

_EXPIRY_MARGIN = dt.timedelta(seconds=30)


@dataclasses.dataclass(frozen=True, slots=True)
class Identity:
    """What goes with a request: an Authorization header, and a client certificate; either may be None."""

    authorization: str | None = None
    certificate: client_certificate.ClientCertificate | None = None


class Credentials(Protocol):
    """Something that knows who we are at this moment."""

    async def identity(self) -> Identity:
        """What to send with the next request. Raises CredentialsError if it cannot be had."""

    def refused(self) -> bool:
        """The server answered 401. Returns whether a second attempt could carry something new."""


@dataclasses.dataclass(frozen=True, slots=True)
class Static:
    """An identity that never changes, anonymous by default."""

    fixed: Identity = Identity()

    async def identity(self) -> Identity:
        return self.fixed

    def refused(self) -> bool:
        return False


class TokenFile:
    """A bearer token in a file that the kubelet (or whoever wrote it) replaces before it expires.

    The file is looked at before each request and read when it was replaced, at the latest after REREAD_SECONDS, and
    at once after a 401. A file that vanishes later doesn't matter while the last token is still good.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._token: str | None = None
        self._seen: tuple[int, int, int] | None = None
        self._read_at = 0.0

    async def identity(self) -> Identity:
        return Identity(authorization=f"Bearer {self._current()}")

    def refused(self) -> bool:
        before = self._token
        self._seen = None
        return self._current() != before

    def _current(self) -> str:
        now = self._clock()
        try:
            stat = self._path.stat()
            seen = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            if self._token is None or seen != self._seen or now - self._read_at >= REREAD_SECONDS:
                self._token = self._read() or self._token
                self._seen, self._read_at = seen, now
        except OSError as error:
            if self._token is None:
                raise errors.CredentialsError(f"cannot read the token file {self._path}: {error.strerror}") from error
        if not self._token:
            raise errors.CredentialsError(f"the token file {self._path} is empty")
        return self._token

    def _read(self) -> str:
        return self._path.read_text(encoding="ascii", errors="replace").strip()


class KubeconfigUser:
    """The user section of a kubeconfig: exec plugin, OIDC or GCP provider, client certificate, token or password.

    What an exec plugin says is kept until it expires or the server refuses it; the rest is looked at again every
    REREAD_SECONDS, so a renewed certificate file or OIDC token is noticed.
    """

    def __init__(self, user: Mapping[str, Any], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._user = dict(user)
        self._clock = clock
        self._identity: Identity | None = None
        self._good_until = 0.0

    async def identity(self) -> Identity:
        now = self._clock()
        if self._identity is None or now >= self._good_until:
            user, lasts = (await _run_plugin(self._user["exec"])) if "exec" in self._user else (self._user, None)
            certificate = self._certificate(user)
            self._identity = Identity(await _authorization(user), certificate)
            self._good_until = now + (REREAD_SECONDS if lasts is None else lasts)
        return self._identity

    def refused(self) -> bool:
        self._identity = None
        # A plugin, a provider or a file may have something newer; what the kubeconfig itself holds is what it is.
        return any(source in self._user for source in ("exec", "auth-provider", "client-certificate"))

    def _certificate(self, user: Mapping[str, Any]) -> client_certificate.ClientCertificate | None:
        try:
            return client_certificate.of_user(user)
        except errors.CredentialsError:
            if self._identity is None:
                raise
            # Between a renewed certificate and its key, perhaps: the pair that was good goes on until the next look.
            return self._identity.certificate


def of_user(user: Mapping[str, Any]) -> Credentials:
    """The credentials of a kubeconfig's user section (empty: anonymous)."""
    if not user:
        return Static()
    plugin_or_certificate = any(
        key in user for key in ("exec", "auth-provider", "client-certificate", "client-certificate-data")
    )
    if user.get("tokenFile") and not plugin_or_certificate:
        return TokenFile(Path(str(user["tokenFile"])))
    return KubeconfigUser(user)


async def _run_plugin(plugin: Mapping[str, Any]) -> tuple[Mapping[str, Any], float]:
    """Run an exec plugin: an equivalent user section without the plugin, and for how many seconds it is good."""
    # Imported here: it costs half a second, and most users have no plugin.
    from kubernetes.aio.config import ConfigException, exec_provider, kube_config

    run: Any = exec_provider.ExecProvider
    node: Any = kube_config.ConfigNode
    command = plugin.get("command", "")
    try:
        status = await run(node("exec", plugin)).run()
    except (ConfigException, OSError) as error:
        hint = f"\n{plugin['installHint']}" if plugin.get("installHint") else ""
        raise errors.CredentialsError(f"the kubeconfig's plugin {command!r} failed: {error}{hint}") from error
    if status.get("token"):
        user = {"token": status["token"]}
    elif status.get("clientCertificateData") and status.get("clientKeyData"):
        user = {
            "client-certificate-data": base64.b64encode(status["clientCertificateData"].encode()).decode(),
            "client-key-data": base64.b64encode(status["clientKeyData"].encode()).decode(),
        }
    else:
        raise errors.CredentialsError(f"the kubeconfig's plugin {command!r} gave neither a token nor a certificate")
    return user, _lifetime(status.get("expirationTimestamp"))


def _lifetime(expires: str | None) -> float:
    if not expires:
        return float("inf")
    try:
        when = dt.datetime.fromisoformat(expires)
    except ValueError as error:
        raise errors.CredentialsError(f"a plugin's expirationTimestamp is not a time: {expires!r}") from error
    return (when - _EXPIRY_MARGIN - dt.datetime.now(dt.UTC)).total_seconds()


async def _authorization(user: Mapping[str, Any]) -> str | None:
    others = {name: value for name, value in user.items() if name not in client_certificate.FIELDS}
    if not others:
        return None
    # Imported here: it costs half a second.
    from kubernetes.aio.client import configuration as official
    from kubernetes.aio.config import ConfigException, kube_config

    load: Any = kube_config.load_kube_config_from_dict
    cluster = {"server": "https://kubernetes.invalid"}
    document = {
        "current-context": "-",
        "contexts": [{"name": "-", "context": {"cluster": "-", "user": "-"}}],
        "clusters": [{"name": "-", "cluster": cluster}],
        "users": [{"name": "-", "user": others}],
    }
    loaded: Any = official.Configuration()
    try:
        await load(document, client_configuration=loaded)
    except (ConfigException, OSError, ValueError) as error:
        raise errors.CredentialsError(f"the kubeconfig's user cannot be used: {error}") from error
    authorization: str | None = loaded.api_key.get("BearerToken")
    return authorization


def in_directory(directory: Path) -> TokenFile:
    """The token of a service account as Kubernetes mounts it."""
    return TokenFile(directory / "token")


def environment_directory(environ: Mapping[str, str]) -> Path | None:
    """Where a pod finds its service account; None outside of a pod."""
    if not environ.get("KUBERNETES_SERVICE_HOST") or not environ.get("KUBERNETES_SERVICE_PORT"):
        return None
    return Path(os.sep, "var", "run", "secrets", "kubernetes.io", "serviceaccount")
