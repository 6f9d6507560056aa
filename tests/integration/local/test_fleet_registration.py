"""The local mode makes the fleet API known to the API server, and says why when the API server doesn't reach it."""

import contextlib
import datetime as dt
import http.server
import json
import ssl
import threading
from collections.abc import Iterator

import pytest

from support import control_plane as planes
from updatectl.local import certificates, fleet_api, installing
from updatectl.local.control_plane import layout
from updatectl.local.control_plane.authority import Pair

NOW = dt.datetime.now(dt.UTC)


class Discovery(http.server.BaseHTTPRequestHandler):
    """Answers as little as the API server wants to see before it calls a group available."""

    def do_GET(self) -> None:
        answer = {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": fleet_api.GROUP_VERSION,
            "resources": [],
        }
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Whoever doesn't trust the certificate hangs up."""


@contextlib.contextmanager
def serving(pair: Pair, port: int) -> Iterator[None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    server = Server(("127.0.0.1", port), Discovery)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def files(tmp_path):
    return certificates.ensure(tmp_path / "certificates", NOW)


@pytest.fixture
def port() -> int:
    return layout.free_ports({"fleet": 0})["fleet"]


@pytest.fixture
def kubeconfig(own_control_plane):
    """Of a cluster of its own: an APIService is one for the whole cluster, and an unavailable one is felt everywhere."""
    access = planes.access_to(own_control_plane)
    status, answer = access.request("POST", "/api/v1/namespaces", {"metadata": {"name": installing.SERVICE_NAMESPACE}})
    assert status == 201, answer
    return access.kubeconfig


async def register(kubeconfig, port, authority: Pair, within: float) -> None:
    ca_pem = authority.certificate.read_bytes()
    now = dt.datetime.now(dt.UTC)
    await fleet_api.register(kubeconfig, port=port, ca_pem=ca_pem, now=now, within_seconds=within)


async def test_the_fleet_api_is_available_once_it_answers_and_until_then_the_reason_is_told(
    kubeconfig, files, port, tmp_path
):
    with pytest.raises(fleet_api.FleetAPIError, match=r"(?s)FailedDiscoveryCheck: .*connection refused"):
        await register(kubeconfig, port, files.fleet_authority, within=3)
    assert "connection refused" in (await fleet_api.availability(kubeconfig)).said

    stranger = certificates.ensure(tmp_path / "others", NOW)
    with serving(stranger.fleet_serving, port), pytest.raises(fleet_api.FleetAPIError, match="certificate"):
        await register(kubeconfig, port, files.fleet_authority, within=3)

    with serving(files.fleet_serving, port):
        # By itself the API server would look again after 5 s more, and in the end after half a minute.
        await register(kubeconfig, port, files.fleet_authority, within=2)
        assert (await fleet_api.availability(kubeconfig)).available

    # The condition still says Available: the API server hasn't looked again.
    assert not (await fleet_api.availability(kubeconfig)).available
