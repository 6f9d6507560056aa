"""What ought a fleet store to answer? The rules of rollouts once more, told from the whole story, as plainly as they can be.

Nothing is counted ahead and nothing is bounded: each question walks through all that ever happened. It shares no rule with the code that
it is held against, only the words in which groups and answers are told.
"""

import hashlib
from datetime import datetime, timedelta

from support.rollout_story import FAILED, LIVE, End, Given, Judged, Known, Outcome, Said, Track
from update_core.rollout.model import Limits, ResolvedGroup

FORWARD = {(13, 1): "Downloading", (14, 1): "Downloaded", (3, 1): "Installed"}
ENDING = {(3, 0): "Failed", (3, 4): "Released"}


class RolloutModel:
    """A fleet of one application."""

    def __init__(self) -> None:
        self.known: dict[str, Known] = {}
        self.tracks: dict[str, Track] = {}

    def track(self, name: str) -> Track:
        """A group, which may be new."""
        return self.tracks.setdefault(name, Track())

    # What is told

    def mirror(self, group: ResolvedGroup, now: datetime) -> str:
        """A snapshot is recorded; the reason why it isn't, or nothing."""
        track, judged = self.track(group.track), _judged_by(group)
        if judged.sequence < track.highest:
            return "StaleCatalog"
        if not track.highest and judged.sequence > 1:
            # Of the rollouts before it nothing is there: they were another store's.
            quiet = max(group.limits.period_seconds, group.timeouts.update_seconds)
            track.quiet_until = now + timedelta(seconds=quiet)
        if judged.sequence > track.highest or _order(judged) >= _order(track.judged):
            track.highest, track.judged = judged.sequence, judged
        return ""

    def hear(self, name: str, version: str, track: str, now: datetime) -> list[str]:
        """An instance reports its version and its group. Returns the states that its grant came to."""
        known = self.known.setdefault(name, Known(now, version, track))
        states = []
        latest = known.latest
        if latest is not None and latest.version == version and (latest.live or latest.state in ("TimedOut", "Lapsed")):
            states.append(self._end(known, latest, "Complete", now))
        known.version, known.track = version, track
        held = known.held
        if held is not None and held.track != track:
            states.append(self._end(known, held, "Moved", now))
        return states

    def report(
        self, name: str, what: tuple[int, int], update_seconds: int, reboot_seconds: int, now: datetime
    ) -> list[str]:
        """An event of its update."""
        known = self.known.get(name)
        held = known.held if known is not None else None
        if known is None or held is None:
            return []
        if what in ENDING:
            return [self._end(known, held, ENDING[what], now)]
        state = FORWARD[what]
        if LIVE.index(state) <= LIVE.index(held.state):
            return []
        held.state = state
        held.deadline = now + timedelta(seconds=reboot_seconds if state == "Installed" else update_seconds)
        return [state]

    def due(self, now: datetime) -> dict[tuple[str, int], str]:
        """The grants whose time is over: what becomes of them by (track, number)."""
        return {
            (given.track, given.number): "TimedOut" if given.state in ("Downloaded", "Installed") else "Lapsed"
            for track in self.tracks.values()
            for given in track.grants
            if given.live and given.deadline <= now
        }

    def time_out(self, track: str, number: int, state: str, now: datetime) -> None:
        """One of them ends."""
        given = self.tracks[track].grants[number - 1]
        self._end(self.known[given.name], given, state, now)

    def reset(self, name: str) -> None:
        """A person has the instance begin anew. What it failed at is still an outcome of its rollout."""
        known = self.known.get(name)
        if known is None:
            return
        if known.latest is not None and (known.latest.live or known.latest.state in FAILED):
            known.latest.state = "Forgotten"
        known.latest = None
        known.ends.clear()

    def forget(self, name: str) -> None:
        """A person has it removed."""
        self.reset(name)
        self.known.pop(name, None)

    # What is asked

    def ask(self, group: ResolvedGroup, name: str, version: str, now: datetime) -> Said:
        """An instance of the group asks for an update."""
        track, known = self.track(group.track), self.known.get(name)
        stamp, course = group.stamp, group.course
        assert stamp is not None
        if stamp.sequence > track.highest:
            self.mirror(group, now)
        now = max([now, *(given.at for given in track.grants[-1:])])
        held = known.held if known is not None else None
        reason = self._stopped(group, version)
        if reason:
            return Said(reason)
        if held is not None and (held.track, held.sequence, held.version) == (
            group.track,
            stamp.sequence,
            stamp.version,
        ):
            return Said(given=held)
        established = (
            known is not None
            and known.first_seen < stamp.started_at
            and now - known.first_seen >= timedelta(seconds=group.plan.min_age_seconds)
        )
        wave = self._wave(group, name, established=established)
        reason = self._held_back(group, known, held, wave, now, newcomer=group.plan.guarded and not established)
        if reason:
            return Said(reason)
        assert wave is not None
        if _order(_judged_by(group)) > _order(track.judged):
            track.judged = _judged_by(group)
        given = Given(
            group.track,
            len(track.grants) + 1,
            name,
            stamp.sequence,
            course.epoch,
            stamp.version,
            wave,
            established,
            now,
            now + timedelta(seconds=group.timeouts.update_seconds),
        )
        if held is not None:
            held.state = "Superseded" if held.track == group.track else "Moved"
        track.grants.append(given)
        return Said(given=given, new=True)

    def take(self, given: Given, version: str, seen_at: datetime) -> None:
        """The instance has the grant, and was heard with it."""
        known = self.known.setdefault(given.name, Known(seen_at, version, given.track))
        known.latest, known.version, known.track = given, version, given.track

    def _stopped(self, group: ResolvedGroup, version: str) -> str:
        """Why nothing is offered, not even once more."""
        track, stamp = self.track(group.track), group.stamp
        assert stamp is not None
        assert group.wanted is not None
        if stamp.kind == "Rollback":
            if version != stamp.from_version:
                return "UpToDate"
        elif _number(version) >= _number(group.wanted.text):
            return "UpToDate"
        if group.paused:
            return "Paused"
        if group.course.halted is not None or (
            track.latch is not None and track.latch >= (stamp.sequence, group.course.epoch)
        ):
            return "Halted"
        return "StaleCatalog" if stamp.sequence < track.highest else ""

    def _held_back(
        self,
        group: ResolvedGroup,
        known: Known | None,
        held: Given | None,
        wave: str | None,
        now: datetime,
        *,
        newcomer: bool,
    ) -> str:
        """Why it isn't this instance's turn."""
        retry, stamp = group.plan.retry, group.stamp
        assert stamp is not None
        failed = _failures(known.ends if known is not None else [], stamp.version)
        if failed and not (failed[-1].sequence == stamp.sequence and failed[-1].epoch < group.course.epoch):
            if len(failed) >= retry.max_attempts:
                return "AttemptsExhausted"
            wait = min(retry.backoff_seconds * 2 ** (len(failed) - 1), 86400)
            if now < failed[-1].at + timedelta(seconds=wait):
                return "BackingOff"
        if wave is None:
            return "NotInCohort"
        grants, limits = self.track(group.track).grants, group.limits
        shares = [(limits, grants)]
        if newcomer:
            shares.append((_share(limits), [given for given in grants if not given.established]))
        for limit, counted in shares:
            live = [given for given in counted if given.live and given is not held]
            if limit.max_in_flight is not None and len(live) >= limit.max_in_flight:
                return "TooManyInFlight"
        for limit, counted in shares:
            recent = [given for given in counted if given.at > now - timedelta(seconds=limit.period_seconds)]
            if limit.max_updates is not None and len(recent) >= limit.max_updates:
                return "RateLimited"
        quiet = self.track(group.track).quiet_until
        return "RateLimited" if quiet is not None and now < quiet else ""

    def _wave(self, group: ResolvedGroup, name: str, *, established: bool) -> str | None:
        stamp = group.stamp
        assert stamp is not None
        for opened in group.course.opened or ():
            if opened.instances is not None:
                inside = self.let_in(group.track, stamp.sequence, opened.name)
                if name in inside or (established and len(inside) < opened.instances):
                    return opened.name
            elif opened.ppm is not None and placed(stamp.salt, name, opened.ppm):
                return opened.name
        return None

    # What is counted

    def let_in(self, track: str, sequence: int, wave: str) -> set[str]:
        """The established instances that were granted through a wave of a rollout."""
        return {
            given.name
            for given in self.tracks[track].grants
            if given.established and (given.sequence, given.wave) == (sequence, wave)
        }

    def failures(self, name: str) -> dict[str, int]:
        """How often an instance failed, by version."""
        ends = self.known[name].ends
        return {end.version: len(_failures(ends, end.version)) for end in ends if _failures(ends, end.version)}

    def samples(self, track: str) -> list[Outcome]:
        """The latest outcome of each instance in what is judged now, in the order in which they came."""
        found, judged = self.tracks[track], self.tracks[track].judged
        latest: dict[str, Outcome] = {}
        for outcome in found.outcomes:
            if (outcome.sequence, outcome.epoch) == (judged.sequence, judged.epoch):
                latest.pop(outcome.name, None)
                latest[outcome.name] = outcome
        return list(latest.values())

    def too_many(self, track: str) -> bool:
        """Whether the outcomes halt the rollout."""
        judged, samples = self.tracks[track].judged, self.samples(track)
        bounds = judged.halt_on
        if bounds is None:
            return False
        run = bounds.consecutive_failures
        if run is not None and len(samples) >= run and all(outcome.failed for outcome in samples[-run:]):
            return True
        of_wave = [outcome.failed for outcome in samples if outcome.wave == judged.wave]
        last = [outcome.failed for outcome in samples[-100:]]
        return bounds.failure_percent is not None and any(
            len(each) >= bounds.min_samples and sum(each) * 100 >= bounds.failure_percent * len(each)
            for each in (of_wave, last)
        )

    def _end(self, known: Known, given: Given, state: str, now: datetime) -> str:
        given.state = state
        if state != "Complete" and state not in FAILED:
            return state
        failed = state in FAILED
        known.ends.append(End(given.version, failed, given.sequence, given.epoch, now))
        track = self.tracks[given.track]
        judged = track.judged
        if not given.established or (given.sequence, given.epoch) != (judged.sequence, judged.epoch):
            return state
        track.outcomes.append(Outcome(given.name, given.sequence, given.epoch, given.wave, failed))
        if self.too_many(given.track) and (track.latch is None or track.latch < (judged.sequence, judged.epoch)):
            track.latch, track.latched_wave = (judged.sequence, judged.epoch), judged.wave
        return state


def _failures(ends: list[End], version: str) -> list[End]:
    """The failures on the way to a version that count: since it was reached last, and since its rollout was resumed."""
    found: list[End] = []
    for end in ends:
        if end.version != version:
            continue
        if not end.failed or (found and found[-1].sequence == end.sequence and found[-1].epoch < end.epoch):
            found = []
        if end.failed:
            found.append(end)
    return found


def _judged_by(group: ResolvedGroup) -> Judged:
    stamp, opened = group.stamp, group.course.opened or ()
    assert stamp is not None
    wave = opened[-1].name if opened else ""
    return Judged(stamp.sequence, group.course.epoch, len(opened), wave, group.plan.halt_on)


def _order(judged: Judged) -> tuple[int, int, int]:
    return judged.sequence, judged.epoch, judged.opened


def _share(limits: Limits) -> Limits:
    """A tenth, at least one."""

    def tenth(most: int | None) -> int | None:
        return None if most is None else max(most // 10, 1)

    return Limits(tenth(limits.max_updates), limits.period_seconds, tenth(limits.max_in_flight))


def placed(salt: str, name: str, ppm: int) -> bool:
    """Whether an instance is within so many millionths of the order."""
    return int(hashlib.sha256(f"{salt}\0{name}".encode()).hexdigest()[:16], 16) * 1_000_000 < ppm * 2**64


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
