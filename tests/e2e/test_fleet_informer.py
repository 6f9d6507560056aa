"""What controllers are written with stays right: client-go's informer follows a fleet through all that can come between.

A rollout to a fleet, the Omaha service killed and started again, and a sleep so long that the log of changes no longer reaches back to
where the informer was: in the end it holds exactly what the store has, and so does kubectl.
"""

import contextlib
import dataclasses
import json
import sqlite3
import uuid
from collections.abc import Mapping

import pytest

from support import informer
from support.local_stack import LocalStack, wait_until
from support.people import Person
from update_core import names
from update_core.fleet import reading
from updatectl.local import services

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]

SIZES = [200, pytest.param(2000, marks=pytest.mark.slow)]
OTHERS = 20
FORGOTTEN = 3
FLAGS = ("-m", "2", "-M", "8", "--step", "0.2", "--errorrate", "-1", "--until-version", "1.1.0")


@pytest.fixture(scope="module")
def program():
    return informer.build()


@pytest.fixture
def following(program, stack, tmp_path):
    running = informer.Informer(program, stack.kubeconfig, tmp_path / "informer.log")
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def forgetful(stack):
    """The stack, whose Omaha service a test may start with a log that soon forgets."""
    yield stack
    stack.stop_service(services.OMAHA_API)
    stack.start_service(services.OMAHA_API)


def start(stack: LocalStack) -> None:
    """Start the Omaha service again, with a log that soon forgets."""
    service = services.describe(stack.folders, stack.ports, stack.kube_server)[services.OMAHA_API]
    command = (*service.command, "--log-retention-seconds", "1")
    services.start(stack.folders, dataclasses.replace(service, command=command))


def in_store(stack: LocalStack, statement: str) -> list[tuple]:
    with contextlib.closing(sqlite3.connect(f"file:{stack.folders.store}?mode=ro", uri=True)) as database:
        return database.execute(statement).fetchall()


Items = Mapping[str, Mapping[str, str]]


def stored(stack: LocalStack) -> Items:
    """Every instance that the store has, as the informer should have it."""
    rows = in_store(
        stack,
        "SELECT app_id, instance_id, application, slug, version, state, instances.revision, epoch"
        " FROM instances JOIN placements USING (app_id), store",
    )
    return {
        names.instance(application, slug): {
            "uid": names.instance_uid(app_id, instance_id),
            "resourceVersion": str(reading.resource_version(epoch, revision)),
            "version": version,
            "state": state,
        }
        for app_id, instance_id, application, slug, version, state, revision, epoch in rows
    }


def latest_revision(stack: LocalStack) -> int:
    return in_store(stack, "SELECT revision FROM store")[0][0]


def pruned_revision(stack: LocalStack) -> int:
    return in_store(stack, "SELECT pruned FROM store")[0][0]


def of(items: Items, *applications: str) -> Items:
    """Those of these applications: others of the stack have theirs."""
    return {name: item for name, item in items.items() if name.startswith(applications)}


def updated(items: Items) -> int:
    return sum(item["version"] == "1.1.0" for item in items.values())


def of_kubectl(person: Person) -> Items:
    listed = json.loads(person.kubectl("get", "instances", "-o", "json"))["items"]
    return {
        obj["metadata"]["name"]: {
            "uid": obj["metadata"]["uid"],
            "resourceVersion": obj["metadata"]["resourceVersion"],
            "version": obj["status"]["version"],
            "state": obj["status"]["state"],
        }
        for obj in listed
    }


@pytest.mark.parametrize("size", SIZES)
def test_an_informer_ends_with_exactly_what_the_store_has(forgetful, following, tmp_path, size):
    stack, app_id, other = forgetful, str(uuid.uuid4()), str(uuid.uuid4())
    person = Person(stack, tmp_path)
    # A twentieth of them a second, so that there is time for what comes between.
    stack.application(app_id, limits=("--update-count", str(size // 20), "--update-interval", "1"))
    stack.application(other)
    with stack.clients(other, "-c", str(OTHERS), "-m", "0", "-M", "0.5", "--until-version", "1.0.0") as others:
        assert others.process.wait(60) == 0, others.lines[-20:]
    with stack.clients(app_id, "-c", str(size), *FLAGS) as clients:
        wait_until(lambda: len(of(following.items(), app_id, other)) == size + OTHERS, "the informer to know everybody")
        assert following.requests()[0] == ("watchlist", 200), "client-go's own choice is served"

        stack.release(app_id, "1.1.0")
        wait_until(lambda: updated(of(following.items(), app_id)) > size // 10, "the rollout")
        stack.kill_service(services.OMAHA_API)
        start(stack)
        before = updated(of(following.items(), app_id))
        wait_until(lambda: updated(of(following.items(), app_id)) > before + size // 10, "the rollout after a restart")

        asleep = following.items()
        following.pause()
        # Its watch ends with this, regularly, so that it will go on from where it was: with what the log has no more by then.
        stack.stop_service(services.OMAHA_API)
        start(stack)
        wait_until(lambda: person.try_("get", "instances", "--chunk-size=10").returncode == 0, "the fleet API")
        for number in range(FORGOTTEN):
            stack.updatectl("instance", "forget", other, f"{{fake-client-{number:03d}}}", "--yes")
        missed = latest_revision(stack)
        wait_until(lambda: pruned_revision(stack) >= missed, "a log that begins later")
        assert updated(of(asleep, app_id)) < updated(of(stored(stack), app_id)), "there was more to miss"
        following.resume()

        assert clients.process.wait(300) == 0, clients.lines[-20:]

    wait_until(lambda: following.items() == stored(stack) == of_kubectl(person), "all to say the same")

    contents = following.contents()
    assert updated(of(contents["items"], app_id)) == size
    assert len(of(contents["items"], app_id, other)) == size + OTHERS - FORGOTTEN
    # What it told its handlers adds up to what it holds.
    assert contents["calls"]["added"] - contents["calls"]["deleted"] == len(contents["items"])
    assert contents["calls"]["deleted"] >= FORGOTTEN
    refusals = [(refusal["reason"], refusal["code"]) for refusal in following.refusals()]
    assert ("Expired", 410) in refusals, following.lines
