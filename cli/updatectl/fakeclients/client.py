"""What does one fake client do? It checks now and then, takes what it is offered, reports each step, and fails some of the time.

The original's machine, pause for pause. Time, chance and the network are given to it, so that the same seed and the same answers make the
same client.
"""

import random
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from updatectl.fakeclients import messages, wire

BACKOFF_MIN_SECONDS = 1.0
BACKOFF_MAX_SECONDS = 60.0
COMPLAIN_EVERY_SECONDS = 30.0

_STEPS = (messages.Event(13, 1), messages.Event(14, 1), messages.Event(3, 1))


@dataclass(frozen=True)
class Behaviour:
    """How the clients behave; times in seconds, the error rate in percent (as in the original, one is added)."""

    min_sleep: float = 1.0
    max_sleep: float = 10.0
    error_rate: int = 1
    ping_only: int = 0
    step: float = 1.0
    verbose: bool = False


@dataclass
class Tally:
    """What has happened to one client so far."""

    checks: int = 0
    updates: int = 0
    failures: int = 0
    requests: int = 0
    unanswered: int = 0


@dataclass
class World:
    """What a client has of the outside."""

    post: Callable[[str], Awaitable[bytes]]
    sleep: Callable[[float], Awaitable[None]]
    now: Callable[[], float]
    say: Callable[[str], None]


@dataclass
class Client:
    """One instance. `version` is what it runs, and `settled` that the service has been told so."""

    identity: messages.Identity
    version: str
    behaviour: Behaviour
    world: World
    chance: random.Random
    tally: Tally = field(default_factory=Tally)
    settled: bool = False
    _boot_id: str = ""
    _backoff: float = 0.0
    _complained: float = float("-inf")
    _complaint: str = ""

    def __post_init__(self) -> None:
        self._boot_id = self._new_boot_id()

    async def run(self, on_check: Callable[[], None]) -> None:
        """Live until cancelled; `on_check` is called after each round."""
        while True:
            await self.world.sleep(self._backoff or self._pause())
            try:
                await self._round()
                self._backoff = 0.0
            except (wire.Unanswered, messages.Unreadable) as error:
                self._stumble(error)
            on_check()

    async def _round(self) -> None:
        self.tally.checks += 1
        answer = messages.read(await self._post(messages.check(self.identity, self.version, self._boot_id)))
        self.settled = True
        if answer.status != "ok" or answer.version is None:
            self._say(answer.status)
            return
        if await self._report_steps():
            await self._hold()
            await self._adopt(answer.version)

    async def _report_steps(self) -> bool:
        """Report each step of the update, a moment apart; False if one failed, then a later check tries again."""
        for step in _STEPS:
            if self.chance.randrange(100) <= self.behaviour.error_rate:
                self.tally.failures += 1
                await self._report(messages.FAILED)
                self._say(f"failed to update in eventType: {step.type}, eventResult: {step.result}. Retrying.")
                await self.world.sleep(self.behaviour.min_sleep)
                await self._report(step)
                return False
            await self._report(step)
            await self.world.sleep(self.behaviour.step)
        return True

    async def _hold(self) -> None:
        """Stay on the old version for a while, saying only that it lives, as one that waits for its reboot."""
        for _ in range(self.behaviour.ping_only):
            await self._post(messages.ping(self.identity, self.version, self._boot_id))
            await self.world.sleep(self.behaviour.step)

    async def _adopt(self, version: str) -> None:
        self._say(f"updated from {self.version} to {version}")
        self.tally.updates += 1
        self.settled = False
        self.version = version
        self._boot_id = self._new_boot_id()
        await self._report(messages.UPDATED)
        self.settled = True

    async def _report(self, event: messages.Event) -> None:
        await self._post(messages.event(self.identity, self.version, self._boot_id, event))

    async def _post(self, request: str) -> bytes:
        if self.behaviour.verbose:
            self._say(f"request\n{request}")
        self.tally.requests += 1
        answer = await self.world.post(request)
        if self.behaviour.verbose:
            self._say(f"response\n{answer.decode(errors='replace')}")
        return answer

    def _stumble(self, error: wire.Unanswered | messages.Unreadable) -> None:
        """No usable answer: say so now and then, and come back later and later."""
        self.tally.unanswered += 1
        now, complaint = self.world.now(), str(error)
        if complaint != self._complaint or now - self._complained >= COMPLAIN_EVERY_SECONDS:
            self._complained, self._complaint = now, complaint
            self._say(f"{complaint}; trying again")
        doubled = max(BACKOFF_MIN_SECONDS, self.behaviour.min_sleep, 2 * self._backoff)
        # Spread out, so that a service that comes back doesn't meet all of them at once.
        spread = min(BACKOFF_MAX_SECONDS, doubled) * (0.75 + self.chance.random() / 2)
        asked = error.retry_after if isinstance(error, wire.Unanswered) else None
        self._backoff = max(spread, asked or 0.0)

    def _pause(self) -> float:
        return self.chance.uniform(self.behaviour.min_sleep, self.behaviour.max_sleep)

    def _new_boot_id(self) -> str:
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))

    def _say(self, text: str) -> None:
        self.world.say(f"{self.identity.machine_id}: {text}")
