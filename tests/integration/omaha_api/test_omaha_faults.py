"""What the service does when something around it fails: killed, no API server, no disk, a second process."""

import asyncio
import concurrent.futures
import contextlib
import json
import resource
import sqlite3
import threading

import pytest

from support import omaha_fleet
from support.fault_proxy import FaultProxy
from support.local_stack import wait_until
from support.omaha_process import OmahaProcess, running
from update_kube import configuration

UNLIMITED = resource.RLIM_INFINITY


def rows(omaha, query):
    with contextlib.closing(sqlite3.connect(omaha.database)) as database:
        return database.execute(query).fetchall()


def kubeconfig(folder, server):
    file = folder / "kubeconfig"
    context = {"name": "test", "context": {"cluster": "test", "user": "test"}}
    file.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "test",
                "contexts": [context],
                "clusters": [{"name": "test", "cluster": {"server": server}}],
                "users": [{"name": "test", "user": {}}],
            }
        )
    )
    return file


def test_kill_in_mid_rollout_loses_no_grant_and_no_acknowledged_event_and_keeps_the_limit(omaha, fleet, app_id):
    fleet.roll_out("1.1.0", rateLimit={"maxUpdates": 25, "periodSeconds": 3600})
    omaha.start()
    omaha.wait_for_answer(omaha_fleet.check(app_id, "m-first"), "1.1.0")
    offered, downloaded = {"m-first"}, set()
    enough = threading.Event()

    def instance(number):
        machine = f"m{number}"
        with contextlib.suppress(OSError):
            if omaha.post(omaha_fleet.check(app_id, machine)).answer != "1.1.0":
                return
            offered.add(machine)
            for eventtype in (13, 14):
                if omaha.post(omaha_fleet.event(app_id, machine, eventtype)).status == 200 and eventtype == 14:
                    downloaded.add(machine)
        if len(downloaded) > 5:
            enough.set()

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        for number in range(200):
            threads.submit(instance, number)
        assert enough.wait(30)
        omaha.kill()

    omaha.start()
    # Whoever was offered may ask again, and is told the same; nobody else gets more than is left.
    assert {omaha.answer(omaha_fleet.check(app_id, machine)) for machine in offered} == {"1.1.0"}
    for number in range(200, 240):
        omaha.post(omaha_fleet.check(app_id, f"m{number}"))
    omaha.stop()
    granted = dict(rows(omaha, "SELECT instance_id, state FROM grants"))
    assert offered <= set(granted)
    assert {granted[machine] for machine in downloaded} == {"Downloaded"}
    assert len(granted) == 25
    assert rows(omaha, "PRAGMA integrity_check") == [("ok",)]


async def test_checks_are_answered_without_the_api_server_also_after_a_restart(control_plane, fleet, app_id, tmp_path):
    await asyncio.to_thread(fleet.roll_out, "1.1.0")
    async with FaultProxy(configuration.load(control_plane.kubeconfig)).running() as proxy:
        with running(OmahaProcess(tmp_path, ["--kubeconfig", str(kubeconfig(tmp_path, proxy.url))])) as omaha:
            await asyncio.to_thread(omaha.start)
            await asyncio.to_thread(omaha.wait_for_answer, omaha_fleet.check(app_id, "first"), "1.1.0")

            await proxy.cut()
            assert await asyncio.to_thread(omaha.answer, omaha_fleet.check(app_id, "second")) == "1.1.0"
            assert await asyncio.to_thread(omaha.stop) == 0
            await asyncio.to_thread(omaha.start)
            assert await asyncio.to_thread(omaha.answer, omaha_fleet.check(app_id, "third")) == "1.1.0"
            _, readiness = await asyncio.to_thread(omaha.private, "/readyz")
            assert json.loads(readiness)["catalog"] == "snapshot"

            # What was deleted meanwhile doesn't come back from the snapshot.
            await asyncio.to_thread(fleet.delete, "Package", "app-1.1.0")
            await proxy.restore()
            await asyncio.to_thread(omaha.wait_for_answer, omaha_fleet.check(app_id, "first"), "noupdate", within=30)


def test_without_api_server_and_snapshot_it_says_why_it_is_not_ready(tmp_path):
    flags = ["--kubeconfig", str(kubeconfig(tmp_path, "http://127.0.0.1:1"))]
    with running(OmahaProcess(tmp_path, flags)) as omaha:
        omaha.start(ready=False)

        def reasons():
            with contextlib.suppress(OSError):
                status, body = omaha.private("/readyz")
                return " ".join(json.loads(body)["reasons"]) if status == 503 else None

        wait_until(lambda: "127.0.0.1:1" in (reasons() or ""), "the reason names the server", within=20)
        assert "there is no snapshot" in reasons()
        reply = omaha.post(omaha_fleet.check("some.app"))
        assert (reply.status, reply.headers["retry-after"]) == (503, "10")
        assert omaha.stop() == 0


def test_a_full_disk_gives_no_new_grants_refuses_events_and_heals(omaha, fleet, app_id):
    fleet.roll_out("1.1.0")
    omaha.start()
    omaha.wait_for_answer(omaha_fleet.check(app_id, "first"), "1.1.0")
    resource.prlimit(omaha.pid, resource.RLIMIT_FSIZE, (1, UNLIMITED))

    assert omaha.answer(omaha_fleet.check(app_id, "second")) == "noupdate"
    refused = omaha.post(omaha_fleet.event(app_id, "first", 14))
    assert (refused.status, refused.headers["retry-after"]) == (503, "10")
    # What needs no store goes on: a repeated offer, an event that moves nothing, an instance that is up to date.
    assert omaha.answer(omaha_fleet.check(app_id, "first")) == "1.1.0"
    assert omaha.post(omaha_fleet.event(app_id, "second", 14)).status == 200
    assert omaha.answer(omaha_fleet.check(app_id, "third", "1.1.0")) == "noupdate"
    assert 'omaha_update_checks_total{answer="StoreUnavailable"}' in omaha.private("/metrics")[1]

    resource.prlimit(omaha.pid, resource.RLIMIT_FSIZE, (UNLIMITED, UNLIMITED))
    omaha.wait_for_answer(omaha_fleet.check(app_id, "second"), "1.1.0")
    wait_until(lambda: omaha.post(omaha_fleet.event(app_id, "first", 14)).status == 200, "the event is taken")
    omaha.stop()
    assert ("first", "Downloaded") in rows(omaha, "SELECT instance_id, state FROM grants")
    assert ("third", "1.1.0") in rows(omaha, "SELECT instance_id, version FROM instances")


def test_a_second_process_on_one_store_file_says_who_has_it(omaha, control_plane):
    omaha.start()
    second = OmahaProcess(omaha.folder, ["--kubeconfig", str(control_plane.kubeconfig)])

    ended = second.run_to_its_end()

    assert ended.returncode == 1
    assert str(omaha.pid) in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("flag", ["--listen", "--private-listen"])
def test_a_port_in_use_is_named(omaha, control_plane, tmp_path, flag):
    omaha.start()
    (tmp_path / "second").mkdir()
    second = OmahaProcess(tmp_path / "second", ["--kubeconfig", str(control_plane.kubeconfig)])
    if flag == "--listen":
        second.port = omaha.port
    else:
        second.private_port = omaha.private_port

    ended = second.run_to_its_end()

    port = omaha.port if flag == "--listen" else omaha.private_port
    assert (ended.returncode, ended.stderr.strip()) == (
        1,
        f"omaha-api: {flag} 127.0.0.1:{port} can't be listened on: another process listens there",
    )


def test_a_snapshot_that_cannot_be_written_is_said_at_the_start(tmp_path):
    (tmp_path / "file").touch()
    omaha = OmahaProcess(tmp_path, ["--kubeconfig", str(kubeconfig(tmp_path, "http://127.0.0.1:1"))])
    omaha.snapshot = tmp_path / "file" / "catalog.json"

    ended = omaha.run_to_its_end()

    assert ended.returncode == 1
    assert ended.stderr.startswith(f"omaha-api: the snapshot folder {tmp_path / 'file'} can't be written")


def test_a_certificate_that_cannot_be_read_is_said_at_the_start(tmp_path):
    flags = ["--tls-cert-file", str(tmp_path / "tls.crt"), "--tls-private-key-file", str(tmp_path / "tls.key")]
    kube_flags = ["--kubeconfig", str(kubeconfig(tmp_path, "http://127.0.0.1:1"))]
    omaha = OmahaProcess(tmp_path, [*kube_flags, *flags, "--fleet-listen", "127.0.0.1:0"])

    ended = omaha.run_to_its_end()

    said = f"omaha-api: {tmp_path / 'tls.crt'} can't be read: No such file or directory"
    assert (ended.returncode, ended.stderr.strip()) == (1, said)


def test_a_corrupt_snapshot_is_said_and_left_aside(omaha, fleet, app_id):
    omaha.snapshot.write_text("{")
    fleet.roll_out("1.1.0")

    omaha.start()

    assert omaha.said("can't be read and is left aside")
    omaha.wait_for_answer(omaha_fleet.check(app_id, "first"), "1.1.0")


def test_a_flag_that_cannot_be_used_is_a_usage_error(tmp_path):
    """Of the process; what it says of each flag is in test_omaha_command_line.py."""
    ended = OmahaProcess(tmp_path, ["--kubeconfig", "/nowhere"]).run_to_its_end()

    assert ended.returncode == 2
    assert "/nowhere" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not list(tmp_path.iterdir())
