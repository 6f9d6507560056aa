"""A fleet that updates while everything goes wrong: two replicas that crash in mid-write or are killed, clocks that jump, replies that are
lost or come twice, an old catalog on one replica, and the stamps of an operator that no longer leads.

Time is the test's own, half a minute at a time. The database's clock is the one that holds, as in service.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from omaha_api.service import Service
from omaha_api.store.postgres.store import PostgresStore
from support import omaha_fleet
from support.chaos_faults import CrashingStore, DatabasesTime, Dice, Sky, WrongClock
from support.replicas import Replica
from update_core import courses, plans
from update_core.fleet.store import StoreUnavailable
from update_core.resources import rollout_status as wire
from update_core.resources.group import GroupSpec
from update_core.rollout import advance
from update_core.rollout.advance import Facts
from update_core.rollout.model import Stamp
from update_core.rollout.plan import Course

APP = omaha_fleet.APP_ID
TRACK = "fake1"
TICK = timedelta(seconds=30)
"""As long as the service may be silent without having been away."""
TOGETHER = 64
"""Instances that ask at the same time."""


@dataclass(slots=True)
class Client:
    """An instance."""

    name: str
    version: str = "1.0.0"
    wanted: str = ""
    stage: int = 0
    """0: nothing to do; then it downloads, installs, restarts."""


@dataclass(frozen=True)
class Release:
    """A version, how often it fails, and how it is rolled out."""

    version: str
    failing: float
    rollout: Mapping[str, Any]


class Chaos:
    """The fleet, its two replicas, and the operator that stamps its group."""

    def __init__(self, url: str, clients: int, poll_ticks: int, group: Mapping[str, Any], seed: int) -> None:
        self._url = url
        self._group = dict(group)
        self._poll_ticks = poll_ticks
        self.dice = Dice(seed)
        self.random = self.dice.random
        self.sky = Sky(datetime(2026, 3, 1, 11, 45, tzinfo=UTC))
        self.clients = [Client(f"machine-{number}") for number in range(clients)]
        self.replicas: list[Replica] = []
        self.clocks: list[WrongClock] = []
        self.release = Release("1.0.1", 0.0, {})
        self.stamp = Stamp(0, "", "", self.sky.now)
        self.course = Course(opened=())
        self.answers: Counter[str] = Counter()
        self._late: list[tuple[int, Sequence[Any]]] = []
        """What the second replica is told later: (tick, resources)."""
        self._former: Sequence[Any] = ()
        """What the second replica believes while it hears of nothing else."""
        self.tick = 0
        self._due: defaultdict[int, list[Client]] = defaultdict(list)

    # The operator

    def roll_out(self, release: Release) -> None:
        """Begin with the next version."""
        self.release = release
        sequence = self.stamp.sequence + 1
        self.stamp = Stamp(sequence, release.version, f"salt-{sequence}", self.sky.now)
        self.course = advance.begin(self.plan, all_open=False, now=self.sky.now)
        self._publish()

    def resume(self) -> None:
        """Let a halted rollout go on."""
        epoch = self.course.epoch + 1
        resumed = {**self.release.rollout, "resume": {"sequence": self.stamp.sequence, "epoch": epoch}}
        self.release = Release(self.release.version, self.release.failing, resumed)

    @property
    def plan(self) -> Any:
        """What its spec says of the rollout."""
        return plans.read(GroupSpec.model_validate(self._of_group(self.release)["spec"]))

    async def operate(self) -> None:
        """Look at the counts, and stamp what follows from them."""
        first = self.replicas[0]
        served = first.omaha.service.source.current.group(APP, TRACK)
        assert served is not None
        counted = (await PostgresStore.progress(first.store, [served], first.omaha.clock()))[APP, TRACK]
        if counted.rollout is None or counted.rollout.sequence != self.stamp.sequence:
            return
        facts = Facts(
            fresh=counted.settled,
            waves=counted.waves,
            latch=counted.latch,
            active=counted.active,
            on_target=counted.on_target,
            finished=counted.finished,
            in_flight=counted.in_progress_current,
        )
        after = advance.advance(self.plan, self.stamp, self.course, facts, self.sky.now).course
        if after != self.course:
            self.course = after
            self._publish()

    def resources(self, course: Course | None = None) -> list[Any]:
        """What is stamped now, or would be with another course."""
        rollout = wire.Rollout(
            sequence=self.stamp.sequence,
            version=self.stamp.version,
            salt=self.stamp.salt,
            started_time=self.stamp.started_at,
        )
        stamped = courses.written(rollout, course or self.course).to_wire()
        spec = {**self._group, "rollout": dict(self.release.rollout)}
        return omaha_fleet.fleet(APP, version=self.stamp.version, sequence=self.stamp.sequence, course=stamped, **spec)

    def _of_group(self, release: Release) -> Any:
        return omaha_fleet.group(**{**self._group, "rollout": dict(release.rollout)})

    def _publish(self) -> None:
        resources = self.resources()
        if self.replicas:
            self.replicas[0].omaha.put(*resources)
            self._late.append((self.tick + self.random.randint(0, 6), resources))

    # The replicas

    async def begin(self) -> None:
        """Start the replicas and have every instance heard, a while before anything is given out."""
        CrashingStore.dice = self.dice
        self.roll_out(Release("1.0.1", 0.0, {"waves": [{"name": "nobody", "instances": 1}]}))
        self.course = Course(opened=())
        for _ in range(2):
            self.clocks.append(WrongClock(self.sky))
            self.replicas.append(await self._replica(len(self.replicas)))
        await self._upkeep()
        for start in range(0, len(self.clients), TOGETHER):
            await asyncio.gather(*(self._ask(client) for client in self.clients[start : start + TOGETHER]))
        await self._upkeep()
        for number, client in enumerate(self.clients):
            self._due[1 + number % self._poll_ticks].append(client)
        while self.sky.now.hour < 12:
            await self._pass()
        self.answers.clear()

    async def end(self) -> None:
        """Stop the replicas."""
        for replica in self.replicas:
            await replica.stop()

    async def kill(self, number: int) -> None:
        """End a replica without a last word, and start it again."""
        self.dice.did["a replica was killed"] += 1
        await self.replicas[number].stop()
        self.replicas[number] = await self._replica(number)
        if number == 1 and self._former:
            self.believe_a_former_leader(self._former)

    async def _replica(self, number: int) -> Replica:
        clock = self.clocks[number]
        replica = Replica(self._url, clock, DatabasesTime(self.sky, clock), CrashingStore)
        calm, self.dice.calm = self.dice.calm, True
        await replica.start(self.resources())
        self.dice.calm = calm
        return replica

    def believe_a_former_leader(self, resources: Sequence[Any]) -> None:
        """The second replica hears of no commit and of no change any more, but of what an operator says that no longer leads."""
        self._former = resources
        self.replicas[1].ear.away = True
        self.replicas[1].omaha.put(*resources)

    def hear_again(self) -> None:
        """It hears of everything again."""
        self._former = ()
        self.replicas[1].ear.away = False
        self.replicas[1].omaha.put(*self.resources())

    def refusals(self, reason: str) -> int:
        """How often the second replica has given this answer since it was started last."""
        return self.replicas[1].answers(reason)

    async def _upkeep(self) -> None:
        """What the service does by itself."""
        for replica in self.replicas:
            service = replica.omaha.service
            # Two beats, so that hardly ever all of them fail, and make an outage.
            await self._try(service.heartbeat.beat)
            await self._try(service.heartbeat.beat)
            await self._try(service.sweeper.sweep)
            await self._try(self._write, service)

    async def _write(self, service: Service) -> None:
        await service.mirror._mirror(service.mirror._latest)
        await service.sightings.flush()

    async def _try(self, act: Callable[..., Awaitable[object]], *of: object) -> None:
        try:
            await act(*of)
        except StoreUnavailable:
            self.dice.did["a write waited"] += 1

    # Time

    async def run(self, ticks: int) -> None:
        """Let so much time pass."""
        for _ in range(ticks):
            self.tick += 1
            await self._pass()
            if self.dice.happens("a clock jumped", 0.05):
                self.random.choice(self.clocks).off = timedelta(seconds=self.random.randint(-3600, 3600))
            for told in [each for each in self._late if each[0] <= self.tick]:
                self._late.remove(told)
                if not self._former:
                    self.replicas[1].omaha.put(*told[1])
            if self.tick % 2 == 0:
                await self.operate()
            due = self._due.pop(self.tick, [])
            for start in range(0, len(due), TOGETHER):
                await self._together(due[start : start + TOGETHER])

    async def run_until(self, reached: Callable[[], bool], at_most: int) -> None:
        """Let time pass until something is so."""
        for _ in range(at_most):
            if reached():
                return
            await self.run(1)
        msg = f"not reached in {at_most} ticks, at {self.sky.now}: {self.course}"
        raise AssertionError(msg)

    async def _pass(self) -> None:
        self.sky.now += TICK
        await self._upkeep()

    async def _together(self, clients: Sequence[Client]) -> None:
        killed = self.random.randrange(2) if self.dice.happens("killed in the middle", 0.002) else None
        tasks = [asyncio.create_task(self._step(client)) for client in clients]
        if killed is not None:
            # Whoever is being answered just then hears nothing.
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
        for client, outcome in zip(clients, await asyncio.gather(*tasks, return_exceptions=True), strict=True):
            if isinstance(outcome, asyncio.CancelledError):
                self._due[self.tick + 1].append(client)
            elif isinstance(outcome, BaseException):
                raise outcome
        if killed is not None:
            await self.kill(killed)

    # Instances

    async def _step(self, client: Client) -> None:
        wait = 1
        match client.stage:
            case 0:
                answer = await self._ask(client)
                if answer in ("noupdate", "lost", "503"):
                    wait = self._poll_ticks if answer == "noupdate" else 2
                else:
                    client.wanted, client.stage = answer, 1
            case 1 if await self._tell(client, (13, 1), (14, 1)):
                if self.random.random() < 0.005:
                    self.dice.did["fell silent"] += 1
                    return
                client.stage = 2
            case 2:
                failing = self.release.failing if client.wanted == self.release.version else 0.01
                failed = self.random.random() < failing
                if await self._tell(client, (3, 0) if failed else (3, 1)):
                    client.stage = 0 if failed else 3
            case 3:
                client.version, client.stage = client.wanted, 0
                await self._ask(client)
                wait = self._poll_ticks
        self._due[self.tick + wait].append(client)

    async def _ask(self, client: Client) -> str:
        """The answer to a check: a version, noupdate, 503, or lost."""
        body = omaha_fleet.check(APP, client.name, client.version, inner="<updatecheck/>")
        reply = await self._send(body)
        if reply is None:
            return "lost"
        if reply.status != 200:
            return str(reply.status)
        answer = reply.answer
        self.answers[answer] += 1
        return answer

    async def _tell(self, client: Client, *events: tuple[int, int]) -> bool:
        """Whether events were acknowledged."""
        inner = "".join(f'<event eventtype="{what}" eventresult="{result}"/>' for what, result in events)
        reply = await self._send(omaha_fleet.check(APP, client.name, client.version, inner=inner))
        return reply is not None and reply.status == 200

    async def _send(self, body: bytes) -> Any:
        """The reply, None if it was lost on the way."""
        replica = self.random.choice(self.replicas)
        if self.dice.happens("a request came twice", 0.02):
            await self.random.choice(self.replicas).omaha.post(body, shown=False)
        reply = await replica.omaha.post(body, shown=False)
        return None if self.dice.happens("a reply was lost", 0.02) else reply
