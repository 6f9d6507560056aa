"""How do many fake clients run together, and when do they end? Together in one event loop, until told to or until all are updated."""

import asyncio
import contextlib
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from update_core import versions
from updatectl.fakeclients import messages, wire
from updatectl.fakeclients.client import Behaviour, Client, World

GRACE_SECONDS = 5.0
"""How long requests that are on their way may take when it ends."""


@dataclass(frozen=True)
class Plan:
    """What to run: how many clients of which application, and what ends it."""

    app_id: str
    track: str
    version: str
    clients: int
    behaviour: Behaviour
    oem: str = "fakeclient"
    on_demand: bool = False
    seed: int | None = None
    until_version: str | None = None
    timeout_seconds: float | None = None


@dataclass(frozen=True)
class Summary:
    """How it ended. `reached` is None unless a version was waited for and nobody ended it before."""

    versions: dict[str, int]
    updates: int
    failures: int
    requests: int
    unanswered: int
    reached: bool | None

    def __str__(self) -> str:
        by_version = ", ".join(f"{count} on {version}" for version, count in self.versions.items())
        return (
            f"{sum(self.versions.values())} clients: {by_version}\n"
            f"{self.updates} updates, {self.failures} failures, {self.requests} requests, {self.unanswered} without an answer"
        )


async def run(plan: Plan, post: wire.Post, say: Callable[[str], None]) -> Summary:
    """Run the fleet until SIGINT or SIGTERM, until all are on the version waited for, or until the time is up."""
    world = World(post=post, sleep=asyncio.sleep, now=time.monotonic, say=say)
    fleet = [_client(plan, number, world) for number in range(plan.clients)]
    interrupted, arrived = asyncio.Event(), asyncio.Event()

    def on_check() -> None:
        if _all_on(fleet, plan.until_version):
            arrived.set()

    tasks = [asyncio.create_task(client.run(on_check)) for client in fleet]
    with _signals(interrupted.set):
        timely = await _wait(plan.timeout_seconds, tasks, interrupted, arrived)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=GRACE_SECONDS)
    reached = None if plan.until_version is None or interrupted.is_set() else timely
    return _summary(fleet, reached)


def _client(plan: Plan, number: int, world: World) -> Client:
    identity = messages.Identity(plan.app_id, plan.track, f"{{fake-client-{number:03d}}}", plan.oem, plan.on_demand)
    # Each has a sequence of its own, so that what happens to one doesn't change another's.
    chance = random.Random() if plan.seed is None else random.Random(f"{plan.seed}:{number}")  # noqa: S311 - a simulation
    return Client(identity, plan.version, plan.behaviour, world, chance)


async def _wait(within: float | None, tasks: Sequence["asyncio.Task[None]"], *events: asyncio.Event) -> bool:
    """Wait for one of the events; False if the time is up before. A client's own bug ends the wait with its exception."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        done, _ = await asyncio.wait([*waiting, *tasks], timeout=within, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        return bool(done)
    finally:
        for task in waiting:
            task.cancel()


@contextlib.contextmanager
def _signals(on_signal: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _all_on(fleet: Sequence[Client], version: str | None) -> bool:
    return version is not None and all(client.settled and versions.same(client.version, version) for client in fleet)


def _summary(fleet: Sequence[Client], reached: bool | None) -> Summary:
    counted = Counter(client.version for client in fleet)
    return Summary(
        versions=dict(sorted(counted.items())),
        updates=sum(client.tally.updates for client in fleet),
        failures=sum(client.tally.failures for client in fleet),
        requests=sum(client.tally.requests for client in fleet),
        unanswered=sum(client.tally.unanswered for client in fleet),
        reached=reached,
    )
