"""Which API server, trusted how, and as whom? The answer is one frozen ClientConfig.

It is found as kubectl finds it (kubeconfig, else the pod's service account) or made from parts. Importing this is
cheap; the official client is loaded when a Client connects.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from update_kube import credentials, errors, kubeconfig

DEFAULT_NAMESPACE = "default"


@dataclasses.dataclass(frozen=True, slots=True)
class ClientConfig:
    """Everything that a Client needs to talk to one API server.

    `server` is its address; `namespace` the one to use where none is named; `ca_data` PEM text of the CA (None: the
    system's); `origin` says where the configuration came from, for messages.
    """

    server: str
    namespace: str = DEFAULT_NAMESPACE
    credentials: credentials.Credentials = dataclasses.field(default_factory=credentials.Static)
    ca_data: str | None = None
    verify_tls: bool = True
    tls_server_name: str | None = None
    proxy: str | None = None
    origin: str = "given"


def load(
    kubeconfig_file: Path | None = None, context: str | None = None, *, environ: Mapping[str, str] | None = None
) -> ClientConfig:
    """The configuration as kubectl finds it.

    In order: the file given, the files of KUBECONFIG merged, ~/.kube/config, the service account of the pod. Raises
    CredentialsError with what to do if there is none, the context isn't known, or a CA can't be read.
    """
    environ = os.environ if environ is None else environ
    files = kubeconfig.paths(kubeconfig_file, environ)
    merged = kubeconfig.read(files)
    if merged is not None and (merged.contexts or kubeconfig_file is not None or context is not None):
        return _from_context(merged.context(context))
    directory = credentials.environment_directory(environ)
    if kubeconfig_file is None and context is None and directory is not None:
        return in_cluster(directory, environ)
    looked = ", ".join(str(file) for file in files)
    raise errors.CredentialsError(
        f"no kubeconfig found (looked for {looked}) and this is not a pod; "
        "name one with --kubeconfig or KUBECONFIG, or give a server and a token"
    )


def in_cluster(directory: Path, environ: Mapping[str, str]) -> ClientConfig:
    """The configuration of a pod: the API server from its environment, the account from `directory`."""
    host, port = environ["KUBERNETES_SERVICE_HOST"], environ["KUBERNETES_SERVICE_PORT"]
    host = f"[{host}]" if ":" in host else host
    return from_service_account_dir(directory, f"https://{host}:{port}")


def from_service_account_dir(directory: Path, server: str) -> ClientConfig:
    """A service account from a folder with `token`, `ca.crt` and `namespace`, as Kubernetes mounts it into pods.

    The token is followed when it is replaced. Raises CredentialsError if the CA or the token can't be read.
    """
    token = directory / "token"
    if not token.is_file():
        raise errors.CredentialsError(f"no service account token at {token}")
    namespace = directory / "namespace"
    return ClientConfig(
        server=_server(server),
        namespace=(namespace.read_text().strip() if namespace.is_file() else "") or DEFAULT_NAMESPACE,
        credentials=credentials.in_directory(directory),
        ca_data=_ca_file(directory / "ca.crt"),
        origin=f"the service account in {directory}",
    )


def from_token(
    server: str,
    token: str,
    ca_file: Path | None = None,
    ca_data: str | None = None,
    *,
    namespace: str = DEFAULT_NAMESPACE,
) -> ClientConfig:
    """A server and a bearer token. Without a CA (a PEM file, or PEM text) the system's CAs decide.

    Raises CredentialsError if the CA can't be used or the token can't be one (empty, or with spaces or line ends).
    """
    token = token.strip()
    if not token or not token.isascii() or any(c.isspace() for c in token):
        raise errors.CredentialsError("this cannot be a token: it is empty or has spaces or line ends in it")
    if ca_file is not None:
        ca_data = _ca_file(ca_file)
    elif ca_data is not None:
        ca_data = _checked_ca(ca_data, "the given CA")
    return ClientConfig(
        server=_server(server),
        namespace=namespace,
        credentials=credentials.Static(credentials.Identity(authorization=f"Bearer {token}")),
        ca_data=ca_data,
        origin="the given server and token",
    )


def ca_for_server(
    server: str, kubeconfig_file: Path | None = None, *, environ: Mapping[str, str] | None = None
) -> str | None:
    """PEM text of the CA of that kubeconfig cluster which has the same server address; None if there is none."""
    environ = os.environ if environ is None else environ
    merged = kubeconfig.read(kubeconfig.paths(kubeconfig_file, environ))
    for cluster in merged.clusters.values() if merged is not None else ():
        if str(cluster.get("server", "")).rstrip("/") == server.rstrip("/"):
            return _cluster_ca(cluster)
    return None


def _from_context(context: kubeconfig.Context) -> ClientConfig:
    cluster = context.cluster
    if not cluster.get("server"):
        raise errors.CredentialsError(f"the cluster of context {context.name!r} has no server")
    return ClientConfig(
        server=_server(str(cluster["server"])),
        namespace=context.namespace or DEFAULT_NAMESPACE,
        credentials=credentials.of_user(context.user),
        ca_data=_cluster_ca(cluster),
        verify_tls=not cluster.get("insecure-skip-tls-verify", False),
        tls_server_name=cluster.get("tls-server-name") or None,
        proxy=cluster.get("proxy-url") or None,
        origin=f"context {context.name!r}",
    )


def _cluster_ca(cluster: Mapping[str, Any]) -> str | None:
    encoded = cluster.get("certificate-authority-data")
    if encoded:
        try:
            decoded = base64.b64decode(str(encoded), validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise errors.CredentialsError("certificate-authority-data is not base64 of a PEM certificate") from error
        return _checked_ca(decoded, "certificate-authority-data")
    if cluster.get("certificate-authority"):
        return _ca_file(Path(str(cluster["certificate-authority"])))
    return None


def _ca_file(file: Path) -> str:
    try:
        pem = file.read_text(encoding="utf-8")
    except OSError as error:
        raise errors.CredentialsError(f"cannot read the CA file {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise errors.CredentialsError(f"the CA file {file} is not PEM") from error
    return _checked_ca(pem, f"the CA file {file}")


def _checked_ca(pem: str, origin: str) -> str:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError) as error:
        raise errors.CredentialsError(f"{origin} holds no usable PEM certificate") from error
    return pem


def _server(server: str) -> str:
    if not server.startswith(("https://", "http://")):
        raise errors.CredentialsError(f"the server must be a URL such as https://host:6443, not {server!r}")
    return server.rstrip("/")
