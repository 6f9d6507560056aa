"""Starting, stopping, crashing: with real etcd, kube-apiserver and kube-controller-manager on data folders of their own."""

import contextlib
import http.client
import json
import signal
import socket
import ssl
from pathlib import Path

import pytest

from support import control_plane as planes
from support import waiting
from updatectl.local import processes
from updatectl.local.control_plane import cluster, components, layout, supervision
from updatectl.local.control_plane.supervision import State

pytestmark = pytest.mark.control_plane


@pytest.fixture
def plane(guarded_folder):
    """A control plane that is not started; `remarks` collects what it tells people."""
    remarks: list[str] = []
    made = cluster.ControlPlane(
        guarded_folder / "control-plane",
        planes.programs(),
        durable=False,
        controller_manager=False,
        report=remarks.append,
    )
    made.remarks = remarks
    return made  # guarded_folder ends its processes, faster than a proper stop


@pytest.fixture(scope="module")
def running_plane(module_folder):
    """One that has been started, for tests that leave it as it is."""
    folder = module_folder / "control-plane"
    made = cluster.ControlPlane(folder, planes.programs(), durable=False, controller_manager=False)
    made.start()
    return made


def create_configmap(plane: cluster.ControlPlane, name: str) -> None:
    body = {"metadata": {"name": name}}
    status, answer = planes.access_to(plane).request("POST", "/api/v1/namespaces/default/configmaps", body)
    assert status == 201, answer


def has_configmap(plane: cluster.ControlPlane, name: str) -> bool:
    return planes.access_to(plane).request("GET", f"/api/v1/namespaces/default/configmaps/{name}")[0] == 200


def states(plane: cluster.ControlPlane) -> dict[str, State]:
    return {item.component: item.state for item in plane.status()}


def pids(plane: cluster.ControlPlane) -> dict[str, int]:
    return {item.component: item.pid for item in plane.status() if item.state == State.RUNNING}


def record_of(plane: cluster.ControlPlane, component: str) -> Path:
    return plane.layout.process_record(component)


def test_objects_port_and_kubeconfig_survive_a_stop_and_a_start(plane):
    plane.start()
    create_configmap(plane, "kept")
    server, kubeconfig = plane.server, plane.kubeconfig.read_text()
    plane.stop()
    assert set(states(plane).values()) == {State.STOPPED}
    plane.start()

    assert has_configmap(plane, "kept")
    assert plane.server == server
    assert plane.kubeconfig.read_text() == kubeconfig
    assert plane.remarks == []


def test_stopping_without_the_programs_works_and_twice_is_as_good_as_once(plane):
    plane.start()
    later = cluster.ControlPlane(plane.layout.data_dir, None)
    later.stop()
    later.stop()

    assert set(states(plane).values()) == {State.STOPPED}


def test_all_parts_listen_on_loopback_only(running_plane):
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening += [line.split() for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]]
    inodes = {
        target.name.removeprefix("socket:[").removesuffix("]")
        for pid in pids(running_plane).values()
        for target in (link.readlink() for link in Path(f"/proc/{pid}/fd").iterdir())
        if target.name.startswith("socket:")
    }
    addresses = {fields[1].split(":")[0] for fields in listening if fields[3] == "0A" and fields[9] in inodes}

    assert addresses == {"0100007F"}


def test_etcd_answers_nobody_without_its_certificate(running_plane):
    port = layout.stored_ports(running_plane.layout).etcd_client
    authority = running_plane.layout.certificates.etcd_authority.certificate
    stranger = http.client.HTTPSConnection("127.0.0.1", port, context=ssl.create_default_context(cafile=authority))

    with contextlib.closing(stranger):
        stranger.request("GET", "/health")
        with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"):
            stranger.getresponse()


@pytest.mark.parametrize("component", [components.ETCD, components.API_SERVER])
def test_a_killed_component_comes_back_on_its_port_with_everything(plane, component):
    plane.start()
    create_configmap(plane, "acknowledged")
    server, before = plane.server, pids(plane)
    plane.kill(component, signal.SIGKILL)
    assert states(plane)[component] == State.CRASHED
    plane.restart(component)

    waiting.until(lambda: supervision.is_ready(plane.layout))
    assert plane.server == server
    assert has_configmap(plane, "acknowledged")
    after = pids(plane)
    assert {name for name in after if after[name] != before[name]} == {component}


def test_killing_what_does_not_run_is_an_error(plane):
    with pytest.raises(cluster.ControlPlaneError, match="etcd doesn't run"):
        plane.kill(components.ETCD)


def test_an_api_server_ends_in_time_although_clients_watch(guarded_folder):
    remarks: list[str] = []
    plane = cluster.ControlPlane(guarded_folder / "plane", planes.programs(), durable=False, report=remarks.append)
    plane.start()  # the controller manager is the client that watches
    plane.restart(components.API_SERVER)

    assert remarks == []


def test_a_run_that_still_goes_on_is_noticed_and_left_alone(running_plane):
    before = pids(running_plane)
    second = cluster.ControlPlane(running_plane.layout.data_dir, planes.programs(), durable=False)

    with pytest.raises(cluster.AlreadyRunning, match=r"runs already on .*kube-apiserver \d+.*use it, or stop it first"):
        second.start()
    assert pids(running_plane) == before


def test_a_run_whose_records_are_lost_is_noticed_by_its_port(running_plane):
    kept = {component: record_of(running_plane, component).read_text() for component in pids(running_plane)}
    for component in kept:
        record_of(running_plane, component).unlink()
    try:
        with pytest.raises(cluster.AlreadyRunning, match=r"answers on 127\.0\.0\.1:.*not on record"):
            running_plane.start()
    finally:
        for component, text in kept.items():
            record_of(running_plane, component).write_text(text)


def test_a_crash_of_everything_is_said_and_survived(plane):
    plane.start()
    create_configmap(plane, "kept")
    for component in (components.API_SERVER, components.ETCD):
        plane.kill(component)
    plane.start()

    assert plane.remarks == [
        "the last run was not stopped, etcd and kube-apiserver crashed; starting again on its data"
    ]
    assert has_configmap(plane, "kept")


def test_what_a_crash_has_left_running_is_stopped(plane):
    plane.start()
    orphan = processes.recorded(record_of(plane, components.ETCD))
    plane.kill(components.API_SERVER)
    plane.start()

    assert not processes.is_running(orphan)
    assert plane.remarks[-1] == "stopped what it had left running: etcd"


def test_a_stranger_who_has_the_pid_of_a_crashed_component_is_left_alone(plane, guarded_folder):
    stranger = processes.start(["/bin/sleep", "600"], log=guarded_folder / "stranger.log")
    processes.record(stranger, guarded_folder / "processes" / "stranger.json")
    plane.start()
    plane.stop()
    record_of(plane, components.ETCD).write_text(json.dumps({"pid": stranger.pid, "started": "0@an-earlier-boot"}))
    plane.start()

    assert processes.is_running(stranger)


def test_a_port_that_somebody_took_meanwhile_is_left_to_them_and_the_move_is_said(plane):
    plane.start()
    create_configmap(plane, "kept")
    taken = layout.stored_ports(plane.layout)
    plane.stop()
    with socket.socket() as stranger, socket.socket() as another:
        stranger.bind(("127.0.0.1", taken.api_server))
        stranger.listen()
        another.bind(("127.0.0.1", taken.etcd_peer))
        another.listen()
        plane.start()

        moved = layout.stored_ports(plane.layout)
        assert moved.api_server != taken.api_server
        assert moved.etcd_client == taken.etcd_client
        assert plane.remarks == [f"port {taken.api_server} is in use now: the API server moves to {moved.api_server}"]
        assert has_configmap(plane, "kept")


def test_a_port_that_was_asked_for_and_is_taken_is_an_error(guarded_folder):
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        plane = cluster.ControlPlane(guarded_folder / "control-plane", planes.programs(), port=port)

        with pytest.raises(cluster.ControlPlaneError, match=rf"port {port} on 127\.0\.0\.1 is in use"):
            plane.start()
    assert set(states(plane).values()) == {State.STOPPED}


def test_a_component_that_ends_while_starting_shows_its_last_words_and_leaves_nothing_running(plane):
    plane.start()
    plane.stop()
    plane.layout.certificates.service_account_key.write_text("no key at all")

    with pytest.raises(
        cluster.ControlPlaneError, match=r"(?s)kube-apiserver ended while starting.*service-account\.key"
    ):
        plane.start()
    assert set(states(plane).values()) == {State.STOPPED}


def test_a_component_that_is_never_ready_is_given_up_with_its_last_words(guarded_folder):
    asleep = guarded_folder / "etcd"
    asleep.write_text("#!/bin/sh\necho waiting for nothing\nexec sleep 600\n")
    asleep.chmod(0o755)
    programs = planes.binaries.Binaries({**planes.programs().paths, "etcd": asleep})
    plane = cluster.ControlPlane(guarded_folder / "control-plane", programs, start_timeout_seconds=0.5)

    with pytest.raises(cluster.ControlPlaneError, match=r"(?s)etcd was not ready after 0 s.*waiting for nothing"):
        plane.start()
    assert set(states(plane).values()) == {State.STOPPED}
