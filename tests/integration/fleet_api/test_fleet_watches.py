"""Clients of all makes that watch the fleet through a real API server: they hear what changes, and go on after whatever happens."""

import asyncio
import contextlib
import datetime as dt
import json
import subprocess
import threading
from collections.abc import Iterator

import kubernetes
import pytest

from omaha_api.store.sqlite.store import SqliteStore
from support import control_plane as planes
from support import omaha_fleet
from support.eventually import eventually
from support.fleet_cluster import VERSION, Team
from support.waiting import until
from update_kube import backoff, client, configuration, reflector, resources

QUICK = backoff.Backoff(base=0.02, cap=0.2, settled=5.0)


@pytest.fixture
def fleet(fleet_cluster):
    """Two machines of one group, up to date. What they were answered is written down a moment later: watches may hear of that, too."""
    return Team(fleet_cluster).roll_out("1.1.0").hear(["one", "two"])


@contextlib.contextmanager
def kubectl(team: Team, *arguments: str) -> Iterator[list[str]]:
    """The lines that kubectl has printed so far, while it runs."""
    access, printed = team.cluster.access, []
    command = [
        str(planes.kubectl_program()), f"--kubeconfig={access.kubeconfig}", f"--cache-dir={access.cache}",
        f"--namespace={team.name}", *arguments,
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        reading = threading.Thread(target=lambda: printed.extend(iter(process.stdout.readline, "")))
        reading.start()
        try:
            yield printed
        finally:
            process.kill()
            reading.join()


def saying(printed, *words):
    return any(all(word in line for word in words) for line in printed)


def test_kubectl_follows_a_list_and_one_object(fleet):
    with (
        kubectl(fleet, "get", "uinst", "-w") as everything,
        kubectl(fleet, "get", "uinst", fleet.name_of("one"), "-w") as one,
    ):
        until(lambda: len(everything) >= 3 and len(one) >= 2, "both have listed")
        fleet.hear(["three"])
        fleet.hear(["one"], "1.0.0")
        until(lambda: saying(everything, "three-", "1.1.0"), "a new instance")
        until(lambda: saying(everything, "one-", "Granted") and saying(one, "one-", "Granted"), "a new state")

    assert sum(line.startswith("NAME") for line in everything) == 1
    assert not saying(one, "three-")


def test_kubectl_follows_what_a_selector_selects(fleet):
    printed: list[str]
    selector = "--field-selector=status.version=1.0.0"
    with kubectl(fleet, "get", "uinst", "-w", "--output-watch-events", selector) as printed:
        fleet.hear(["one"], "1.0.0")
        until(lambda: saying(printed, "ADDED", "one-"), "it came into the selection")
        fleet.hear(["one"], "1.1.0")
        until(lambda: saying(printed, "DELETED", "one-"), "it left")


def test_kubectl_waits_for_a_state(fleet):
    name = fleet.name_of("one")
    arguments = ("wait", f"instance/{name}", "--for=jsonpath={.status.state}=Granted", "--timeout=30s")
    with kubectl(fleet, *arguments) as printed:
        fleet.hear(["one"], "1.0.0")
        until(lambda: saying(printed, "condition met"), "kubectl has waited")


def test_kubectl_waits_for_a_groups_progress(fleet):
    path = "--for=jsonpath={.status.instances.active}=3"
    with kubectl(fleet, "wait", "ugp/app-fake1", path, "--timeout=30s") as printed:
        fleet.hear(["three"])
        until(lambda: saying(printed, "condition met"), "kubectl has waited")


def test_the_official_python_client_follows(fleet):
    found: list[str] = []
    settings = kubernetes.client.Configuration()
    kubernetes.config.load_kube_config(str(fleet.cluster.access.kubeconfig), client_configuration=settings)
    with kubernetes.client.ApiClient(settings) as api:
        custom = kubernetes.client.CustomObjectsApi(api)
        watch = kubernetes.watch.Watch()
        where = ("fleet.updateservice.dev", "v1alpha1", fleet.name, "instances")
        for event in watch.stream(custom.list_namespaced_custom_object, *where):
            if event["type"] != "ADDED":
                continue
            found.append(event["object"]["spec"]["instanceId"])
            if len(found) == 2:
                fleet.hear(["three"])
            if len(found) == 3:
                watch.stop()

    assert found == ["one", "two", "three"]


@contextlib.asynccontextmanager
async def mirrored(team, resource, **settings):
    """A Reflector's picture of a kind in the team's namespace."""
    config = configuration.load(team.cluster.access.kubeconfig, None)
    async with await client.connect(config, user_agent="tests") as kube:
        mirror = reflector.Reflector(
            kube, resource, namespace=team.name, **({"pauses": QUICK, "inactivity_timeout": 30.0} | settings)
        )
        running = asyncio.create_task(mirror.run())
        try:
            await mirror.wait_synced(20)
            yield mirror
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


def heard(mirror):
    return {obj["spec"]["instanceId"]: obj["status"]["version"] for obj in mirror.objects.values()}


def start(team):
    """Start the service, and wait until the API server reaches it."""
    team.cluster.omaha.start()
    until(team.progresses, "the fleet is served again")


def raw_watch(team, query, *, check=True):
    """The answer to a watch of a second with these parameters."""
    path = f"{VERSION}/namespaces/{team.name}/instances?watch=1&timeoutSeconds=1&{query}"
    return team.kubectl("get", "--raw", path, check=check)


def replayed(team, version):
    """The events of a watch from a resource version."""
    answer = raw_watch(team, f"resourceVersion={version}").stdout
    return [json.loads(line) for line in answer.splitlines()]


def version_of_list(team):
    return team.cluster.get(f"namespaces/{team.name}/instances")["metadata"]["resourceVersion"]


async def test_a_mirror_of_the_fleet_is_right_again_after_a_restart_of_the_service(fleet):
    async with mirrored(fleet, resources.INSTANCES) as mirror:
        await eventually(lambda: mirror.state is reflector.State.WATCHING)
        await asyncio.to_thread(fleet.cluster.omaha.stop)
        await asyncio.to_thread(start, fleet)
        await asyncio.to_thread(fleet.hear, ["three"])
        await asyncio.to_thread(fleet.hear, ["one"], "1.0.0")

        await eventually(lambda: heard(mirror) == {"one": "1.0.0", "two": "1.1.0", "three": "1.1.0"})


def test_a_watch_goes_on_where_it_was_whatever_became_of_the_service(fleet):
    version = version_of_list(fleet)
    fleet.hear(["three"])
    fleet.cluster.omaha.kill()
    start(fleet)
    fleet.hear(["four"])

    events = [(event["type"], event["object"]["spec"]["instanceId"]) for event in replayed(fleet, version)]
    assert [event for event in events if event[0] != "MODIFIED"] == [("ADDED", "three"), ("ADDED", "four")]


async def test_who_was_away_for_longer_than_the_log_is_told_to_list_again(fleet):
    omaha, version = fleet.cluster.omaha, version_of_list(fleet)
    await asyncio.to_thread(omaha.stop)
    store = SqliteStore(omaha.database)
    await store.open()
    await store.forget(fleet.app_id, "two", dt.datetime.now(dt.UTC))
    await store.prune(dt.datetime.now(dt.UTC) + dt.timedelta(hours=1))
    await store.close()
    await asyncio.to_thread(start, fleet)

    (event,) = await asyncio.to_thread(replayed, fleet, version)

    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert fleet.ids() == ["one"]


async def test_groups_are_followed_and_a_new_one_is_simply_added(fleet):
    async with mirrored(fleet, resources.GROUPPROGRESSES, inactivity_timeout=5.0) as mirror:
        opened = mirror.counters.reconnects
        fleet.fleet.create(omaha_fleet.group(name="app-edge", track="edge"))
        await eventually(lambda: {name for _, name in mirror.objects} == {"app-fake1", "app-edge"})
        # Nothing happens any more, and yet it is heard that nothing does.
        await eventually(lambda: mirror.silence() > 1.0)
        await eventually(lambda: mirror.silence() < 1.0)

        assert (mirror.counters.relists, mirror.counters.gone, mirror.counters.silences) == (1, 0, 0)
        assert mirror.counters.reconnects == opened


def test_a_streamed_list_ends_with_the_bookmark_that_informers_wait_for(fleet):
    query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    events = [json.loads(line) for line in raw_watch(fleet, query).stdout.splitlines()]

    types = [event["type"] for event in events]
    assert types[:3] == ["ADDED", "ADDED", "BOOKMARK"]
    assert events[2]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert set(types[3:-1]) <= {"MODIFIED"}
    assert types[-1] == "BOOKMARK"
    assert "annotations" not in events[-1]["object"]["metadata"]


def test_initial_events_without_what_belongs_to_them_are_refused(fleet):
    refused = raw_watch(fleet, "sendInitialEvents=true", check=False)

    assert refused.returncode != 0
    assert "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan" in refused.stderr
