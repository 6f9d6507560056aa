"""What the service answers while the Kubernetes API is away, and before it has ever been there."""

import asyncio
import contextlib
import json

import pytest

from support import cup_keys, kubeconfigs, waiting
from support.eventually import eventually
from support.fault_proxy import FaultProxy
from support.omaha_port import OmahaPort, offered
from support.omaha_process import OmahaProcess, running
from support.omaha_requests import xml_check
from update_core.omaha import cup
from update_kube import configuration


@contextlib.contextmanager
def service(folder, server, *flags):
    """A process of the test's own, towards this API server; not started."""
    kubeconfig = kubeconfigs.without_credentials(folder / "kubeconfig", server)
    with running(OmahaProcess(folder, ["--kubeconfig", str(kubeconfig), *flags])) as process:
        yield process, OmahaPort(process)


@pytest.mark.omaha_point(
    60, breaks="every client, whenever the cluster has an hour off: update_engine reports a failed update of its own"
)
async def test_checks_are_answered_as_before_while_the_kubernetes_api_is_away(control_plane, fleet, app_id, tmp_path):
    """Without the Kubernetes API checks are answered from the last whole catalog, also after a restart; without one, none is."""
    await asyncio.to_thread(fleet.roll_out, "1.1.0")
    async with FaultProxy(configuration.load(control_plane.kubeconfig)).running() as proxy:
        with service(tmp_path, proxy.url) as (process, omaha):

            def answers(machine):
                found = offered(omaha.ask(xml_check(app_id, machineid=machine)))
                return found, offered(omaha.ask(xml_check(app_id, machineid=machine, version="1.1.0")))

            await asyncio.to_thread(process.start)
            await asyncio.to_thread(omaha.expect, "Offer", xml_check(app_id, machineid="first"))
            await proxy.cut()
            assert await asyncio.to_thread(answers, "second") == ("1.1.0", None)

            # The same, from what was saved: nothing that has changed since, and nothing half.
            await asyncio.to_thread(fleet.update, "Channel", "app-master", spec={"version": "1.0.0"})
            await asyncio.to_thread(process.kill)
            await asyncio.to_thread(process.start)
            assert await asyncio.to_thread(answers, "third") == ("1.1.0", None)
            _, readiness = await asyncio.to_thread(process.private, "/readyz")
            assert json.loads(readiness)["catalog"] == "snapshot"

            await proxy.restore()
            await asyncio.to_thread(omaha.expect, "UpToDate", xml_check(app_id, machineid="fourth"), within=30)


@pytest.mark.omaha_point(60)
def test_before_the_first_whole_catalog_the_service_is_not_ready_and_says_so(tmp_path):
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / "7.pem").write_bytes(cup_keys.pem(cup_keys.FIXED))
    with service(tmp_path, "http://127.0.0.1:1", "--cup-keys-dir", str(keys)) as (process, omaha):
        process.start(ready=False)
        waiting.until(lambda: _readiness(process), "the private port is served")
        body = xml_check("io.foo.app")

        assert _readiness(process) == 503
        reply = omaha.send(body, path=f"/v1/update/?{cup.query('7:1', body)}")

    assert reply.status == 503
    # When to come again, signed: Fuchsia believes no status without a proof.
    assert reply.headers["retry-after"] == reply.headers["x-retry-after"]
    assert 1 <= int(reply.headers["x-retry-after"]) <= 86400
    public = cup_keys.public(cup_keys.pem(cup_keys.FIXED))
    assert public.distrust(b"7:1", body, reply.body, reply.headers["etag"]) is None


@pytest.mark.omaha_point(60)
@pytest.mark.parametrize("kind", ["applications", "channels", "groups", "packages"])
async def test_three_kinds_of_four_are_no_whole_catalog(control_plane, fleet, app_id, tmp_path, kind):
    await asyncio.to_thread(fleet.roll_out, "1.1.0")
    async with FaultProxy(configuration.load(control_plane.kubeconfig)).running() as proxy:
        proxy.answer(500, matches=lambda seen: seen.path.endswith(kind), times=1000)
        with service(tmp_path, proxy.url) as (process, omaha):
            await asyncio.to_thread(process.start, ready=False)
            # The other three are followed, and this one was asked for more than once.
            await eventually(lambda: proxy.watches == 3 and proxy.count(lambda seen: seen.path.endswith(kind)) > 1)
            assert await asyncio.to_thread(_readiness, process) == 503
            assert (await asyncio.to_thread(omaha.send, xml_check(app_id, machineid="m"))).status == 503

            proxy.pass_on()
            await eventually(lambda: _readiness(process) == 200)
            await asyncio.to_thread(omaha.expect, "Offer", xml_check(app_id, machineid="m"))


def _readiness(process):
    with contextlib.suppress(OSError):
        return process.private("/readyz")[0]
    return None
