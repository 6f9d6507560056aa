"""Whatever this replica commits itself while it hears of the others' commits: its memory ends up as the store, and never goes back."""

import asyncio
import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omaha_api.instances.fleet_memory import FleetMemory
from omaha_api.instances.known import Known
from omaha_api.rollouts.following import MAX_BEHIND, Following
from support.eventually import eventually
from support.fleet_values import APP_ID, NOW, grant, group
from support.properties import examples
from update_core.fleet.attributes import NONE
from update_core.fleet.following import Followed, InFlight
from update_core.fleet.grants import Grant, GrantState
from update_core.fleet.reading import InstanceChange, InstanceRow, LogExpired, Position
from update_core.fleet.store import GroupLedger, InstanceRecord, StoreUnavailable

NAMES, TRACKS = ("one", "two"), ("stable", "beta")
NEXT = {
    GrantState.GRANTED: GrantState.DOWNLOADING,
    GrantState.DOWNLOADING: GrantState.DOWNLOADED,
    GrantState.DOWNLOADED: GrantState.INSTALLED,
}


class Log:
    """A FleetFollower on a log in memory. What is read waits until `told`, like an answer on its way."""

    def __init__(self) -> None:
        self.latest: dict[str, Grant] = {}
        self.numbers = dict.fromkeys(TRACKS, 1)
        self.changes: list[InstanceChange] = []
        self.pruned = 0
        self.told = asyncio.Event()
        self.read = asyncio.Event()
        self.away = False
        self.in_flight_reads = 0

    def commit(self, name: str, latest: Grant | None) -> None:
        if latest is None:
            self.latest.pop(name, None)
        else:
            self.latest[name] = latest
        record = InstanceRecord(APP_ID, name, latest.track if latest else TRACKS[0], "1.0.0", NOW, NOW)
        revision = len(self.changes) + 1
        self.changes.append(InstanceChange(revision, InstanceRow(record, name, revision, grant=latest), None))

    def live(self) -> set[Grant]:
        return {held for held in self.latest.values() if held.state.live}

    def ledgers(self) -> list[GroupLedger]:
        counts = {track: sum(held.track == track for held in self.live()) for track in TRACKS}
        return [GroupLedger(APP_ID, track, 1, number, counts[track]) for track, number in self.numbers.items()]

    def database_time(self, then):
        return then + timedelta(hours=1)

    async def in_flight(self) -> InFlight:
        self.in_flight_reads += 1
        return InFlight(Position(1, self.pruned, len(self.changes)), sorted(self.live(), key=str), self.ledgers())

    async def wait_beyond(self, revision: int) -> None:
        await eventually(lambda: len(self.changes) > revision)

    async def followed(self, after: int, limit: int) -> Followed:
        if self.away:
            raise StoreUnavailable("the test took the store away")
        if after < self.pruned:
            raise LogExpired("pruned")
        page = self.changes[after : after + limit]
        told = Followed(page[-1].revision if page else len(self.changes), page, self.ledgers())
        self.read.set()
        await self.told.wait()
        return told


def following(log: Log, memory: FleetMemory) -> Following:
    return Following(log, memory, lambda: NOW, moved=lambda: None)


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["own", "other", "read", "told"]),
        st.sampled_from(["grant", "move", "end", "reset"]),
        st.sampled_from(NAMES),
        st.sampled_from(TRACKS),
    ),
    max_size=30,
)


@settings(max_examples=examples(300), deadline=None)
@given(OPERATIONS)
def test_memory_never_goes_back_behind_an_own_answer_and_ends_up_as_the_store(operations):
    asyncio.run(run_through(operations))


async def run_through(operations) -> None:
    course = Course()
    await course.following.begin()
    for who, what, name, track in operations:
        if who == "read":
            await course.read()
        elif who == "told":
            await course.tell()
        else:
            answers = course.commit(what, name, track)
            if who == "own":
                course.take(name, answers)
            elif answers:
                course.own.discard(name)
        course.assert_no_way_back()
    await course.tell()
    await course.read()
    await course.tell()

    assert set(course.memory.all_live()) == course.log.live()
    counted = {track: in_flight(course.memory, track) for track in TRACKS}
    assert counted == {ledger.track: ledger.in_flight for ledger in course.log.ledgers()}


def in_flight(memory: FleetMemory, track: str) -> int:
    return memory.fleet(group(track=track), None).in_flight


def names(held: Grant) -> tuple[str, int]:
    return held.track, held.number


class Course:
    """What happens to a replica: commits of its own and of others, and rounds whose reading takes a while."""

    def __init__(self) -> None:
        self.log, self.memory = Log(), FleetMemory(shared=True)
        self.following = following(self.log, self.memory)
        self.ended: set[tuple[str, int]] = set()
        self.own: set[str] = set()
        """Whose latest commit is this replica's."""
        self._seconds = itertools.count()
        self._reading: asyncio.Task[None] | None = None

    async def read(self) -> None:
        """Begin a round, up to where the store was read."""
        if self._reading is None:
            self.log.read.clear()
            self._reading = asyncio.create_task(self.following._catch_up())
            await self.log.read.wait()

    async def tell(self) -> None:
        """End it."""
        if self._reading is not None:
            self.log.told.set()
            await self._reading
            self.log.told.clear()
            self._reading = None

    def commit(self, what: str, name: str, track: str) -> list[Grant]:
        """Do it in the store; returns its answer."""
        latest = self.log.latest.get(name)
        live = latest if latest is not None and latest.state.live else None
        if what == "grant":
            # A clock that goes back must not matter.
            at = NOW - timedelta(seconds=next(self._seconds))
            new = grant(instance_id=name, track=track, number=self.log.numbers[track], granted_at=at)
            self.log.numbers[track] += 1
            self.log.commit(name, new)
            return [replace(live, state=GrantState.SUPERSEDED), new] if live is not None else [new]
        if live is None or (what == "move" and live.state is GrantState.INSTALLED):
            return []
        if what == "reset":
            self.log.commit(name, None)
            return [replace(live, state=GrantState.FORGOTTEN)]
        after = replace(live, state=GrantState.FAILED if what == "end" else NEXT[live.state])
        self.log.commit(name, after)
        return [after]

    def take(self, name: str, answers: list[Grant]) -> None:
        """Take over the answer to a commit of its own."""
        held = self.memory.live_grant((APP_ID, name))
        for answer in answers:
            self.memory.apply(answer)
            if not answer.state.live:
                self.ended.add((answer.track, answer.number))
        nothing_older = self._reading is None if held is None else bool(answers) and names(held) == names(answers[-1])
        if answers and (answers[-1].state.live or nothing_older):
            # Else it has yet to hear that what it holds, or is just being told of, was ended by another's grant.
            self.own.add(name)
        else:
            self.own.discard(name)
        if answers:
            for ledger in self.log.ledgers():
                self.memory.learn(ledger, None)

    def assert_no_way_back(self) -> None:
        """What it did itself holds, and what is counted is what is in flight."""
        live = self.memory.all_live()
        assert not self.ended & {(held.track, held.number) for held in live}
        assert {held for held in live if held.instance_id in self.own} == {
            held for held in self.log.live() if held.instance_id in self.own
        }
        for track in TRACKS:
            assert in_flight(self.memory, track) == sum(held.track == track for held in live)


@pytest.fixture
async def replica():
    log, memory = Log(), FleetMemory(shared=True)
    log.told.set()
    followed = following(log, memory)
    await followed.begin()
    return log, memory, followed


@pytest.mark.parametrize("reason", ["pruned", "too much"])
async def test_who_cannot_go_on_begins_anew_with_what_is_in_flight(replica, reason):
    log, memory, followed = replica
    log.commit("gone", grant(instance_id="gone"))
    await followed._catch_up()
    memory.remember((APP_ID, "two"), Known("stable", "1.0.0", NONE, "", "", NOW))
    log.numbers["stable"] = 4
    log.commit("gone", None)
    log.commit("one", grant(instance_id="one", number=3))
    if reason == "pruned":
        log.pruned = len(log.changes)
    else:
        for number in range(MAX_BEHIND + 1000):
            log.commit(f"i{number}", None)

    await followed._catch_up()

    assert set(memory.all_live()) == log.live()
    assert memory.known((APP_ID, "two")) is None
    assert log.in_flight_reads == 2


async def test_memory_is_told_how_far_the_stores_clock_is_ahead(replica):
    assert replica[1].ahead == timedelta(hours=1)


async def test_who_asks_while_the_store_is_away_is_told_so_and_following_goes_on(replica):
    log, memory, followed = replica
    log.away = True
    running = asyncio.create_task(followed.run())
    with pytest.raises(StoreUnavailable):
        await followed.confirm()
    log.away = False
    log.commit("one", grant(instance_id="one"))

    await eventually(lambda: memory.live_grants == 1)
    await followed.confirm()
    running.cancel()
    await asyncio.wait([running])
