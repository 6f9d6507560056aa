"""Do the database's own rows show a limit that was exceeded? Every move of every grant once more, in the order of commits.

Nothing is asked of the service: what it counted, halted and promised isn't looked at, only what it wrote as it happened.
"""

import itertools
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from support.rollout_model import placed
from support.rollout_story import FAILED, LIVE

MOVES = """
    SELECT history.at, history.number, history.from_state, history.to_state, history.instance_id,
        grants.sequence, grants.epoch, grants.wave, grants.established, grants.granted_at, app_id
    FROM update_service.history JOIN update_service.grants USING (app_id, track, number) ORDER BY history.id
"""
"""What `replay` wants of one group; its application is told last."""


@dataclass(frozen=True)
class Terms:
    """What a rollout was given out by."""

    salt: str
    caps: Mapping[str, int] = field(default_factory=dict)
    """Instances by wave."""
    ppm: Mapping[str, int] = field(default_factory=dict)
    """Shares by wave."""


@dataclass(frozen=True)
class Rules:
    """What held all the time."""

    max_updates: int
    period_seconds: int
    max_in_flight: int
    open_at: Callable[[int], bool]
    """Whether anything may be given out at an instant, in microseconds."""
    failure_percent: int
    min_samples: int
    rollouts: Mapping[int, Terms]


@dataclass
class Audit:
    """What was found."""

    wrong: list[str] = field(default_factory=list)
    """Each limit that was exceeded, in words."""
    granted: Counter[int] = field(default_factory=Counter)
    """By sequence."""
    halted: dict[tuple[int, int], int] = field(default_factory=dict)
    """By sequence and epoch: when the outcomes had reached the bound."""
    let_in: defaultdict[tuple[int, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    """Instances by sequence and wave."""
    most_in_flight: int = 0
    most_in_period: int = 0


@dataclass
class Samples:
    """What a rollout is judged by: each instance's latest outcome, in their order."""

    latest: dict[str, tuple[str, bool]] = field(default_factory=dict)
    """By instance: the wave, and whether it failed."""
    counts: Counter[tuple[str, bool]] = field(default_factory=Counter)

    def take(self, name: str, wave: str, *, failed: bool) -> None:
        """One more."""
        before = self.latest.pop(name, None)
        if before is not None:
            self.counts[before] -= 1
        self.latest[name] = (wave, failed)
        self.counts[wave, failed] += 1

    def too_many(self, rules: Rules, wave: str) -> bool:
        """Of the wave, or of the last hundred."""
        last = Counter(failed for _, failed in itertools.islice(reversed(self.latest.values()), 100))
        of_wave = {failed: self.counts[wave, failed] for failed in (False, True)}
        return any(
            each[True] + each[False] >= rules.min_samples
            and each[True] * 100 >= rules.failure_percent * (each[True] + each[False])
            for each in (of_wave, last)
        )


def replay(moves: Iterable[tuple[Any, ...]], rules: Rules) -> Audit:
    """All moves in their order."""
    audit, live, recent = Audit(), {}, deque[int]()
    samples: defaultdict[tuple[int, int], Samples] = defaultdict(Samples)
    latest = 0
    for at, number, _, state, name, sequence, epoch, wave, established, granted_at, _ in moves:
        if state == "Granted":
            live[name] = live.get(name, 0) + 1
            _grant(audit, rules, recent, name, sequence, epoch, wave, granted_at, established=bool(established))
            if sequence < latest:
                audit.wrong.append(f"grant {number} is of rollout {sequence}, after one of {latest}")
            latest = max(latest, sequence)
            in_flight = sum(live.values())
            audit.most_in_flight = max(audit.most_in_flight, in_flight)
            if in_flight > rules.max_in_flight or live[name] > 1:
                audit.wrong.append(f"with grant {number} {in_flight} are in flight, {live[name]} of them {name}'s")
            continue
        if state not in LIVE and name in live:
            live[name] -= 1
            if not live[name]:
                del live[name]
        if established and (state in FAILED or state == "Complete") and sequence == latest:
            of_rollout = samples[sequence, epoch]
            of_rollout.take(name, wave, failed=state in FAILED)
            if (sequence, epoch) not in audit.halted and of_rollout.too_many(rules, wave):
                audit.halted[sequence, epoch] = at
    return audit


def _grant(
    audit: Audit,
    rules: Rules,
    recent: deque[int],
    name: str,
    sequence: int,
    epoch: int,
    wave: str,
    at: int,
    *,
    established: bool,
) -> None:
    audit.granted[sequence] += 1
    what = f"grant {sum(audit.granted.values())} to {name} in rollout {sequence}"
    if recent and at < recent[-1]:
        audit.wrong.append(f"{what} is earlier than the one before it")
    recent.append(at)
    while recent[0] <= at - rules.period_seconds * 1_000_000:
        recent.popleft()
    audit.most_in_period = max(audit.most_in_period, len(recent))
    if len(recent) > rules.max_updates:
        audit.wrong.append(f"{what} is the {len(recent)}th of its period")
    if not rules.open_at(at):
        audit.wrong.append(f"{what} was given outside the windows")
    if any(of >= (sequence, epoch) for of in audit.halted):
        audit.wrong.append(f"{what} came after the failures that halt it")
    terms = rules.rollouts[sequence]
    if wave in terms.ppm and not placed(terms.salt, name, terms.ppm[wave]):
        audit.wrong.append(f"{what} isn't in the share of wave {wave}")
    if wave in terms.caps and not established:
        audit.wrong.append(f"{what} came through wave {wave} without being known")
    inside = audit.let_in[sequence, wave]
    inside.add(name)
    if len(inside) > terms.caps.get(wave, len(inside)):
        audit.wrong.append(f"{what} is the {len(inside)}th through wave {wave}")
