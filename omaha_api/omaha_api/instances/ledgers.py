"""How full is each group, as far as this process knows? Its ledger as the store told it last, and what was counted since.

What the store answers is put in here in the order of its commits. Where others write as well, what they committed comes in between: the
numbers of a ledger only rise, so an older one is known by them, and a halt is never taken back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from update_core.fleet.grants import Grant
from update_core.fleet.store import GroupLedger
from update_core.rollout.model import Attempts, Fleet, Limits, ResolvedGroup
from update_core.rollout.plan import Latch

GroupKey = tuple[str, str]
"""(app_id, track)."""


@dataclass(slots=True)
class _Group:
    ledger: GroupLedger
    in_flight: int = 0
    newcomers: int = 0
    """Those in flight that weren't established when they were granted."""
    limits: Limits | None = None
    """The limits that the ledger's slots were computed with; under others they say nothing."""
    counted: dict[str, str] = field(default_factory=dict)
    """The wave by instance, of those that a wave which counts them has let in, in the latest rollout."""


Groups = Callable[[str, str], ResolvedGroup | None]
"""The group of an application with a track, as it is resolved now."""


class Ledgers:
    """Every group's."""

    def __init__(self, *, shared: bool, groups: Groups) -> None:
        """`shared`: other replicas write to the store as well."""
        self._shared = shared
        self._resolved = groups
        self._groups: dict[GroupKey, _Group] = {}

    def begin(self, ledger: GroupLedger) -> None:
        """Take over a ledger before anything in flight is counted."""
        self._groups[ledger.app_id, ledger.track] = _Group(ledger)

    def learn(self, ledger: GroupLedger, limits: Limits | None) -> None:
        """Take over a group's ledger as of a commit, with the limits that it was computed with (None: no slot was)."""
        key = (ledger.app_id, ledger.track)
        held = self._groups.get(key)
        if held is None:
            held = self._groups[key] = _Group(ledger)
        elif _number(ledger) < _number(held.ledger):
            # An answer that was overtaken by a later commit's.
            self.latch(ledger)
            return
        if ledger.highest_sequence > held.ledger.highest_sequence:
            held.counted.clear()
        held.ledger, held.limits = _with_latch(ledger, held.ledger.latch), limits
        if not self._shared:
            # Where others write as well, which of two ledgers is older can't be seen of those that differ in these numbers alone.
            held.in_flight, held.newcomers = ledger.in_flight, ledger.newcomers_in_flight

    def hear(self, ledger: GroupLedger) -> None:
        """Take over a ledger that was read for no group's limits. The slots that are known stay: later grants don't bring them forward."""
        held = self._groups.get((ledger.app_id, ledger.track))
        if held is None:
            self.learn(ledger, None)
            return
        known = held.ledger
        self.learn(replace(ledger, rate_slot=known.rate_slot, newcomer_slot=known.newcomer_slot), held.limits)

    def latch(self, ledger: GroupLedger) -> None:
        """Take over nothing but the halt from a ledger whose counts may be older than what is known."""
        held = self._groups.get((ledger.app_id, ledger.track))
        if held is None:
            self.learn(ledger, None)
        else:
            held.ledger = _with_latch(held.ledger, ledger.latch)

    def count(self, grant: Grant, change: int) -> None:
        """One more or less is in flight."""
        key = (grant.app_id, grant.track)
        held = self._groups.get(key)
        if held is None:
            held = self._groups[key] = _Group(GroupLedger(grant.app_id, grant.track))
        held.in_flight += change
        if not grant.established:
            held.newcomers += change

    def count_in(self, grant: Grant) -> None:
        """Remember that a wave which counts its instances has counted this one: it isn't in its own way when it tries again."""
        held = self._groups.get((grant.app_id, grant.track))
        if held is None or not grant.wave or grant.sequence != held.ledger.highest_sequence:
            return
        group = self._resolved(grant.app_id, grant.track)
        opened = group.course.opened if group is not None else None
        # A wave that isn't known here yet may be one that counts; those that take a share have millions of instances.
        if not any(wave.name == grant.wave and wave.instances is None for wave in opened or ()):
            held.counted[grant.instance_id] = grant.wave

    def set_counted(self, key: GroupKey, instance_id: str, wave: str) -> None:
        """The same of one that the store was asked about; empty: it isn't counted."""
        held = self._groups.get(key)
        if held is not None and wave:
            held.counted[instance_id] = wave
        elif held is not None:
            held.counted.pop(instance_id, None)

    def clear(self) -> None:
        """Know nothing, as of another store."""
        self._groups.clear()

    def fleet(
        self,
        group: ResolvedGroup,
        live_grant: Grant | None,
        instance_id: str | None,
        first_seen: datetime | None,
        attempts: tuple[Attempts, ...],
    ) -> Fleet:
        """What bears on a decision for an instance of the group."""
        held = self._groups.get((group.app_id, group.track))
        if held is None:
            return Fleet(live_grant=live_grant, first_seen=first_seen, attempts=attempts)
        ledger = held.ledger
        computed = held.limits == group.limits
        through, counted_in = ledger.through, ""
        if through and group.stamp is not None and ledger.highest_sequence < group.stamp.sequence:
            through = _NOBODY  # those were of the rollout before
        elif held.counted and instance_id is not None:
            counted_in = held.counted.get(instance_id, "")
        return Fleet(
            live_grant=live_grant,
            highest_sequence=ledger.highest_sequence,
            in_flight=held.in_flight,
            rate_slot=ledger.rate_slot if computed else None,
            quiet_until=ledger.quiet_until,
            latch=ledger.latch,
            through=through,
            counted_in=counted_in,
            attempts=attempts,
            first_seen=first_seen,
            newcomers_in_flight=held.newcomers,
            newcomer_slot=ledger.newcomer_slot if computed else None,
        )

    def certain(self, group: ResolvedGroup, first_seen: datetime | None) -> Fleet:
        """The part of it that nobody else's commit takes back, while what others committed isn't known."""
        held = self._groups.get((group.app_id, group.track))
        if held is None:
            return Fleet(first_seen=first_seen)
        return Fleet(highest_sequence=held.ledger.highest_sequence, latch=held.ledger.latch, first_seen=first_seen)


_NOBODY: Mapping[str, int] = MappingProxyType({})


def _number(ledger: GroupLedger) -> tuple[int, int]:
    return ledger.highest_sequence, ledger.next_number


def _with_latch(ledger: GroupLedger, latch: Latch | None) -> GroupLedger:
    """The ledger with the later of two halts."""
    own = ledger.latch
    if latch is None or (own is not None and (own.sequence, own.epoch) >= (latch.sequence, latch.epoch)):
        return ledger
    return replace(ledger, latch=latch)
