"""Does a component answer, and is it ours?

Asked over HTTPS with the data folder's own authorities: a stranger who has taken the port doesn't pass for a
component.
"""

import http.client
import ssl
from dataclasses import dataclass

from updatectl.local.control_plane import components
from updatectl.local.control_plane.authority import Pair
from updatectl.local.control_plane.layout import LOOPBACK, Layout, Ports

REQUEST_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True)
class Probe:
    """One question to one component."""

    port: int
    path: str
    authority: Pair
    client: Pair


def probe_of(component: str, layout: Layout, ports: Ports) -> Probe:
    """Raises KeyError for a component that there isn't."""
    files = layout.certificates
    return {
        components.ETCD: Probe(ports.etcd_client, "/health", files.etcd_authority, files.etcd),
        components.API_SERVER: Probe(ports.api_server, "/readyz", files.cluster_authority, files.admin),
        components.CONTROLLER_MANAGER: Probe(
            ports.controller_manager, "/healthz", files.cluster_authority, files.controller_manager
        ),
    }[component]


def is_ready(probe: Probe) -> bool:
    """Whether it answers with 200."""
    return _status(probe) == http.HTTPStatus.OK


def answers(probe: Probe) -> bool:
    """Whether somebody with a certificate of this data folder answers there, ready or not."""
    return _status(probe) is not None


def _status(probe: Probe) -> int | None:
    if not (probe.authority.exists() and probe.client.exists()):
        return None
    try:
        context = ssl.create_default_context(cafile=probe.authority.certificate)
        context.load_cert_chain(probe.client.certificate, probe.client.key)
        connection = http.client.HTTPSConnection(LOOPBACK, probe.port, timeout=REQUEST_TIMEOUT_SECONDS, context=context)
        try:
            connection.request("GET", probe.path)
            return connection.getresponse().status
        finally:
            connection.close()
    except (OSError, http.client.HTTPException):  # ssl.SSLError is an OSError
        return None
