"""The real API server says who its front proxy is, and the Role that Kubernetes brings for it is enough to follow it."""

import asyncio
import contextlib
import datetime as dt
import http.client
import json
import logging

import pytest

from omaha_api import clock
from omaha_api.fleet_api.front import front_proxy
from omaha_api.fleet_api.front.request_headers import User
from support import control_plane as planes
from support import front_proxies, omaha_process, ports, waiting
from support.eventually import eventually
from update_kube import client, configuration
from updatectl.local.control_plane import authority

CONFIGMAP = ["--namespace=kube-system", "configmap", "extension-apiserver-authentication"]


def request(certificate):
    chain = (certificate.certificate.read_text(),)
    return {
        "type": "http", "headers": [(b"x-remote-user", b"ada")], "client": ("127.0.0.1", 1),
        "extensions": {"tls": {"client_cert_chain": chain}},
    }  # fmt: skip


@contextlib.asynccontextmanager
async def following(access, namespace):
    """A front proxy's follower whose account has the Role that Kubernetes brings for it, and nothing else."""
    access.kubectl("create", "serviceaccount", "reader", namespace=namespace)
    role = "--role=extension-apiserver-authentication-reader"
    account = f"--serviceaccount={namespace}:reader"
    access.kubectl("create", "rolebinding", f"fleet-{namespace}", role, account, namespace="kube-system")
    token = access.kubectl("create", "token", "reader", namespace=namespace).stdout.strip()
    config = configuration.from_token(access.server, token, access.ca_file)
    followed = front_proxy.FrontProxy(clock.utc_now)
    async with await client.connect(config) as kube:
        task = asyncio.create_task(followed.run(kube))
        try:
            yield followed
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def test_the_api_servers_own_certificate_is_the_one_that_counts(own_control_plane, caplog):
    caplog.set_level(logging.WARNING)
    access, certificates = planes.access_to(own_control_plane), own_control_plane.layout.certificates
    async with following(access, "default") as followed:
        await eventually(lambda: followed.known)

        assert followed.authenticate(request(certificates.front_proxy_client)) == User("ada")
        admin = followed.authenticate(request(certificates.admin))
        assert admin.reason is front_proxy.Reason.UNTRUSTED_CERTIFICATE
        wrong_name = followed.authenticate(request(certificates.front_proxy_authority))
        assert wrong_name.reason is front_proxy.Reason.WRONG_NAME

        names = json.dumps({"data": {"requestheader-allowed-names": '["update-service-local-front-proxy"]'}})
        access.kubectl("patch", *CONFIGMAP, "--type=merge", "-p", names)
        newly = request(certificates.front_proxy_authority)
        await eventually(lambda: isinstance(followed.authenticate(newly), User))

        own_control_plane.stop()
        assert followed.authenticate(newly) == User("ada")


@pytest.fixture
def fleet_port(own_control_plane, tmp_path):
    """The service as a process, and the authority of its certificate; returns a question's status, asked with a certificate or none."""
    servers = front_proxies.Authority("servers")
    certificate, key = servers.issue("fleet", usage=front_proxies.FOR_SERVERS).write(tmp_path, "serving")
    port = ports.free_port()
    flags = [
        "--fleet-listen",
        f"127.0.0.1:{port}",
        "--tls-cert-file",
        str(certificate),
        "--tls-private-key-file",
        str(key),
    ]

    def status(pair, headers):
        context = front_proxies.client_context(servers, tmp_path, None)
        if pair is not None:
            context.load_cert_chain(pair.certificate, pair.key)
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=context)
        with contextlib.closing(connection):
            connection.request("GET", "/apis/fleet.updateservice.dev/v1alpha1", headers=headers)
            return connection.getresponse().status

    kube_flags = ["--kubeconfig", str(own_control_plane.kubeconfig)]
    with omaha_process.running(omaha_process.OmahaProcess(tmp_path, [*kube_flags, *flags])) as omaha:
        omaha.start()
        yield status


def test_the_service_answers_the_api_server_and_nobody_else(fleet_port, own_control_plane, tmp_path):
    certificates = own_control_plane.layout.certificates
    somebody = authority.Pair(tmp_path / "somebody.crt", tmp_path / "somebody.key")
    now = dt.datetime.now(dt.UTC)
    authority.issue(somebody, authority.Subject("somebody"), certificates.front_proxy_authority, now)
    forged = {"X-Remote-User": "system:admin", "X-Remote-Group": "system:masters"}

    waiting.until(lambda: fleet_port(certificates.front_proxy_client, forged) == 200, "the front proxy is known")

    assert fleet_port(certificates.front_proxy_client, {}) == 401
    assert fleet_port(None, forged) == 401
    assert fleet_port(certificates.admin, forged) == 401, "a client of the cluster, from another authority"
    assert fleet_port(somebody, forged) == 401
