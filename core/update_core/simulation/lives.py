"""What becomes of an instance that was given an update? It fails, is never heard again, or comes back with the new version; it may leave.

Only what can matter is reported. An instance that will be back before its time is over says nothing on the way: nobody asks the store
meanwhile what it is doing.
"""

from update_core.fleet.evidence import Event, Evidence, Reported
from update_core.fleet.grants import Grant
from update_core.simulation import draws
from update_core.simulation.assumptions import MICROSECONDS, PPM
from update_core.simulation.world import Step, World

FAILURE_CODE = 5
"""What instances report that fail: update_engine's "postinstall failed"."""

_FAILED: tuple[Evidence, ...] = (Event(3, 0, FAILURE_CODE),)
_DOWNLOADED: tuple[Evidence, ...] = (Event(14, 1),)
_INSTALLED: tuple[Evidence, ...] = (Event(3, 1),)


class Lives:
    """The fates of a world's instances."""

    def __init__(self, world: World) -> None:
        self._world = world
        assumptions, timeouts = world.assumptions, world.group.timeouts
        self._failing = assumptions.failure_ppm
        self._silent = assumptions.failure_ppm + assumptions.silence_ppm
        self._download = assumptions.download_seconds * MICROSECONDS
        self._reboot = assumptions.reboot_seconds * MICROSECONDS
        self._timeout = timeouts.update_seconds * MICROSECONDS
        self._activity = world.group.active_seconds * MICROSECONDS
        self._reported: dict[str, tuple[Evidence, ...]] = {}
        """By version: what instances say that come back with it."""

    def populate(self) -> None:
        """Everybody who was there before, and what lies ahead of everybody."""
        world = self._world
        world.begin()
        for joining in world.population.joining:
            world.later(joining.at, Step.JOINS, joining.instance)
        for instance, at in world.population.leaving.items():
            world.later(at, Step.LEAVES, instance)

    def given(self, instance: int, now: int, grant: Grant) -> None:
        """An update was given: what comes of it is decided now."""
        world = self._world
        attempt = world.attempts[instance] + 1
        world.attempts[instance] = attempt
        what, download, reboot, _ = draws.of_attempt(world.assumptions.seed, instance, attempt)
        drawn, done = draws.below(what, PPM), now + draws.around(download, self._download)
        if drawn < self._failing:
            self._reports(instance, now, done, Step.FAILS)
        elif drawn < self._silent:
            self._reports(instance, now, done, Step.DOWNLOADS)
        else:
            back = done + draws.around(reboot, self._reboot)
            at_once = back - now < self._timeout and back < world.population.leaving.get(instance, back + 1)
            self._reports(instance, now, back if at_once else done, Step.RETURNS if at_once else Step.INSTALLS)
        if done - now >= self._timeout:
            world.later(world.since_start(grant.deadline), Step.SWEEP)

    def step(self, step: int, instance: int, now: int) -> None:
        """What was put down for an instance happens. Who has left does nothing any more."""
        world = self._world
        if world.gone[instance] and step != Step.SILENT:
            return
        match step:
            case Step.RETURNS:
                self._returned(instance, now)
            case Step.JOINS:
                world.hear(instance, world.instant(now)).last_seen = world.instant(now)
                world.come(instance)
                world.crowd.idle(instance, now)
            case Step.LEAVES:
                self._leaves(instance, now)
            case Step.SILENT:
                self._silenced(instance, now)
            case Step.FAILS:
                world.weigh(instance, now, _FAILED)
                self._idle(instance, now)
            case Step.DOWNLOADS:
                world.weigh(instance, now, _DOWNLOADED)
                self._leaves(instance, now)
            case Step.INSTALLS:
                self._installed(instance, now)

    def _reports(self, instance: int, now: int, at: int, step: Step) -> None:
        world = self._world
        world.later(at, step, instance)
        if at - now > self._activity:
            world.later(now + self._activity + 1, Step.SILENT, instance)

    def _installed(self, instance: int, now: int) -> None:
        world = self._world
        world.weigh(instance, now, _INSTALLED)
        world.come(instance)
        _, _, reboot, _ = draws.of_attempt(world.assumptions.seed, instance, world.attempts[instance])
        back = now + draws.around(reboot, self._reboot)
        self._reports(instance, now, back, Step.RETURNS)
        self._await_deadline(instance, back)

    def _returned(self, instance: int, now: int) -> None:
        world = self._world
        known = world.hear(instance)
        version = known.grant.version if known.grant is not None else known.version
        world.becomes(instance, known, version)
        if version not in self._reported:
            self._reported[version] = (Reported(version),)
        world.weigh(instance, now, self._reported[version])
        self._idle(instance, now)

    def _idle(self, instance: int, now: int) -> None:
        world = self._world
        world.busy[instance] = 0
        world.come(instance)
        world.crowd.idle(instance, now)

    def _leaves(self, instance: int, now: int) -> None:
        """It is never heard again: it counts as active for a while, and what it was given runs out."""
        world = self._world
        world.gone[instance] = 1
        world.crowd.gone(instance)
        known = world.known[instance]
        heard = -1 if known is None else world.since_start(known.last_seen)
        if not world.busy[instance]:
            heard = max(heard, world.polls.last(world.population.places[instance], now))
        world.later(heard + self._activity + 1, Step.SILENT, instance)
        self._await_deadline(instance, world.until + 1)

    def _silenced(self, instance: int, now: int) -> None:
        world = self._world
        known = world.known[instance]
        heard_since = known is not None and world.since_start(known.last_seen) + self._activity >= now
        if world.gone[instance] or (world.busy[instance] and not heard_since):
            world.go(instance)

    def _await_deadline(self, instance: int, back: int) -> None:
        world = self._world
        known = world.known[instance]
        live = known.live_grant if known is not None else None
        if live is not None and world.since_start(live.deadline) <= back:
            world.later(world.since_start(live.deadline), Step.SWEEP)
