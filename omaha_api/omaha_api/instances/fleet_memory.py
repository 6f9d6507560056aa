"""What does this process know of the fleet without asking the store?

Live grants, each group's ledger, and a small record per instance heard since the start. Memory may refuse and may repeat a grant; it
never gives one. Whatever the store answers is put in here, in the order of its commits; where other replicas write to the store as well,
what they committed comes in between, and what is older than what is known changes nothing.
"""

import contextlib
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from omaha_api.instances import known as records
from omaha_api.instances.known import InstanceKey, Known
from omaha_api.instances.ledgers import GroupKey, Groups, Ledgers
from update_core.fleet.grants import FAILURES, PROGRESS, Grant, GrantState
from update_core.fleet.store import GroupLedger, InstanceRecord, Moved, Sighting
from update_core.rollout.model import Fleet, Limits, ResolvedGroup

MAX_INSTANCES = 1_000_000
"""Records kept at most, some 600 bytes each; beyond that the one heard first is forgotten, and loaded again at its next check."""


MAX_LAG_SECONDS = 3.0
"""For how long memory is believed that couldn't hear of others' commits."""

_SAME_BIRTH = timedelta(seconds=10)
"""How far two accounts of the same first sight may be apart: the store dates it by its own clock, when it is written."""


@dataclass(slots=True)
class Load:
    """A record on its way from the store."""

    overtaken: bool = False
    """Whether the instance changed meanwhile: what was read may be older."""


class FleetMemory:
    """The memory of one process, used from the event loop alone."""

    def __init__(
        self,
        *,
        max_instances: int = MAX_INSTANCES,
        shared: bool = False,
        groups: Groups = lambda _app_id, _track: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`shared`: other replicas write to the store as well, and what they commit is followed (rollouts.following)."""
        self.shared = shared
        self.ahead = timedelta(0)
        """How far the store's clock, which ledgers and deadlines are told by, is ahead of this process's."""
        self._monotonic = monotonic
        self._confirmed_at = -math.inf if shared else math.inf
        self._loads: defaultdict[InstanceKey, list[Load]] = defaultdict(list)
        self._ended: set[tuple[str, str, int]] = set()
        self._instances: dict[InstanceKey, Known] = {}
        self._touched: set[InstanceKey] = set()
        self._due: set[InstanceKey] = set()
        self._hurried: set[InstanceKey] = set()
        self._live: dict[InstanceKey, Grant] = {}
        self._ledgers = Ledgers(shared=shared, groups=groups)
        self._max_instances = max_instances
        self.forgotten = 0
        """How often an instance was forgotten: what was read from the store before that may be gone."""
        self.halted = 0
        """Rollouts that outcomes which this process recorded have halted."""

    def load(self, grants: Iterable[Grant], ledgers: Iterable[GroupLedger]) -> None:
        """Begin with what the store holds; before that nothing may be decided."""
        for ledger in ledgers:
            self._ledgers.begin(ledger)
        for grant in grants:
            self.apply(grant)
            self._ledgers.count_in(grant)

    # Other replicas

    @property
    def lag_seconds(self) -> float:
        """For how long it hasn't been known that nobody else committed anything: infinite at first, 0 where nobody else writes."""
        return max(0.0, self._monotonic() - self._confirmed_at)

    @property
    def lagging(self) -> bool:
        """Whether others may have committed too much meanwhile for memory to say anything about the fleet."""
        return self._monotonic() - self._confirmed_at > MAX_LAG_SECONDS

    def confirm(self, at: float) -> None:
        """All that anybody committed before then, by the monotonic clock, is in memory."""
        self._confirmed_at = at

    def begin_hearing(self) -> None:
        """What others committed is about to be read: it will be no older than what is known now."""
        self._ended.clear()

    # Instances

    def known(self, key: InstanceKey) -> Known | None:
        """The record of an instance, None if it wasn't heard since the start."""
        return self._instances.get(key)

    def remember(self, key: InstanceKey, known: Known) -> None:
        """Keep a record."""
        self._instances[key] = known
        if len(self._instances) > self._max_instances:
            oldest = next(iter(self._instances))
            del self._instances[oldest]
            self._untouch(oldest)

    def forget(self, key: InstanceKey) -> None:
        """Let go of an instance's record, and of what it would have written; its grant in flight is `apply`'s."""
        self.forgotten += 1
        self._instances.pop(key, None)
        self._untouch(key)

    def outdate(self, key: InstanceKey) -> None:
        """What the store has of an instance has changed: its record is loaded again at its next check."""
        for load in self._loads.get(key, ()):
            load.overtaken = True
        self._instances.pop(key, None)

    def forget_all(self) -> None:
        """Let go of all records: any of them may have changed in the store."""
        self._instances.clear()
        for loads in self._loads.values():
            for load in loads:
                load.overtaken = True

    @contextlib.contextmanager
    def loading(self, key: InstanceKey) -> Iterator[Load]:
        """While a record is read from the store it is noted whether it changes."""
        load = Load()
        self._loads[key].append(load)
        try:
            yield load
        finally:
            self._loads[key].remove(load)
            if not self._loads[key]:
                del self._loads[key]

    def compare(self, record: InstanceRecord) -> None:
        """Hear how the store has an instance now: what is remembered otherwise is loaded again at its next check."""
        key = (record.app_id, record.instance_id)
        for load in self._loads.get(key, ()):
            load.overtaken = True
        known = self._instances.get(key)
        if known is not None and (
            known.version != record.version
            or known.track != record.track
            or known.attributes != record.attributes
            or known.alias != record.alias
            or known.attempts != record.attempts
            or known.first_seen is None
            # It was forgotten and came again.
            or record.first_seen - known.first_seen > _SAME_BIRTH
        ):
            del self._instances[key]

    def touch(self, key: InstanceKey) -> None:
        """Have the instance's last-seen and refusal written in the next round."""
        self._touched.add(key)

    def hurry(self, key: InstanceKey) -> None:
        """Have them written with the very next batch: what is shown of the instance has changed."""
        self._hurried.add(key)

    def begin_round(self) -> None:
        """From now on whoever was touched is due to be written."""
        if self._due:
            self._due |= self._touched
            self._touched.clear()
        else:
            self._due, self._touched = self._touched, self._due

    @property
    def due(self) -> int:
        """How many are to be written in this round."""
        return len(self._due)

    @property
    def hurried(self) -> int:
        """How many are to be written before them."""
        return len(self._hurried)

    def take_touched(self, at_most: int) -> list[Sighting]:
        """Some who are to be written, the hurried first, as they are now; they are no longer due. Empty when nobody is left."""
        taken: list[Sighting] = []
        while len(taken) < at_most and (self._hurried or self._due):
            key = (self._hurried or self._due).pop()
            # What is written of the hurried says all that the round would say of them.
            self._due.discard(key)
            known = self._instances.get(key)
            if known is not None:
                taken.append(records.sighting(key, known))
        return taken

    @property
    def instances(self) -> int:
        """How many records are kept."""
        return len(self._instances)

    def _untouch(self, key: InstanceKey) -> None:
        for keys in (self._touched, self._due, self._hurried):
            keys.discard(key)

    # Grants

    def live_grant(self, key: InstanceKey) -> Grant | None:
        """The instance's grant in flight."""
        return self._live.get(key)

    @property
    def live_grants(self) -> int:
        """How many grants are in flight, of all groups."""
        return len(self._live)

    def all_live(self) -> list[Grant]:
        """All of them."""
        return list(self._live.values())

    def take(self, moved: Moved) -> None:
        """Take over what the store answered to something that was heard, or to the clock."""
        for grant in moved.grants:
            self.apply(grant)
            self._end((grant.app_id, grant.instance_id), grant)
        for ledger in moved.halted:
            # Nothing else of it: grants that were given since may be known already.
            self._ledgers.latch(ledger)
        self.halted += len(moved.halted)

    def apply(self, grant: Grant) -> None:
        """Take over a grant as the store has it now: in flight or ended."""
        key = (grant.app_id, grant.instance_id)
        held = self._live.get(key)
        same = held is not None and (held.track, held.number) == (grant.track, grant.number)
        if self.shared and not grant.state.live:
            self._ended.add((grant.app_id, grant.track, grant.number))
        if grant.state.live:
            if held is not None and not same:
                self._ledgers.count(held, -1)
            if not same:
                self._ledgers.count(grant, 1)
            self._live[key] = grant
        elif same:
            del self._live[key]
            self._ledgers.count(grant, -1)

    def _end(self, key: InstanceKey, grant: Grant) -> None:
        known = self._instances.get(key)
        if grant.state in FAILURES or (not grant.state.live and known is not None and known.attempts):
            # The store has counted a failure, or forgotten some.
            self.outdate(key)

    def count_in(self, grant: Grant) -> None:
        """Remember through which wave an instance came, where that counts its instances."""
        self._ledgers.count_in(grant)

    def set_counted(self, group: GroupKey, instance_id: str, wave: str) -> None:
        """The same of an instance that the store was asked about; empty: through none."""
        self._ledgers.set_counted(group, instance_id, wave)

    def settle(self, key: InstanceKey, latest: Grant | None, next_number: int | None) -> None:
        """Hear what the instance's latest grant was in a state of the store that may be older than what is known.

        `next_number`: in that state, of the group that memory has the instance's grant in flight in; None where nothing was read of it.
        """
        held = self._live.get(key)
        if held is None or latest is None or (latest.track, latest.number) != (held.track, held.number):
            if held is not None and (next_number is None or held.number >= next_number):
                return  # given since
            if held is not None:
                self.apply(replace(held, state=GrantState.SUPERSEDED))
        elif latest.state.live and PROGRESS[latest.state] < PROGRESS[held.state]:
            return  # moved since
        if latest is not None and (latest.app_id, latest.track, latest.number) not in self._ended:
            self.apply(latest)

    # Groups

    def learn(self, ledger: GroupLedger, limits: Limits | None) -> None:
        """Take over a group's ledger as of a commit, with the limits that it was computed with (None: no slot was)."""
        self._ledgers.learn(ledger, limits)

    def hear(self, ledger: GroupLedger) -> None:
        """Take over a ledger that was read for no group's limits."""
        self._ledgers.hear(ledger)

    def forget_fleet(self) -> None:
        """Begin with nothing, as of another store."""
        self._live.clear()
        self._ledgers.clear()
        self.forget_all()

    def fleet(
        self,
        group: ResolvedGroup,
        live_grant: Grant | None,
        instance_id: str | None = None,
        known: Known | None = None,
    ) -> Fleet:
        """What memory knows that bears on a decision for an instance of the group; `known` is its record, None without one."""
        if known is None:
            return self._ledgers.fleet(group, live_grant, instance_id, None, ())
        return self._ledgers.fleet(group, live_grant, instance_id, known.first_seen, known.attempts)

    def certain(self, group: ResolvedGroup, known: Known | None) -> Fleet:
        """What of it holds whatever others have committed meanwhile."""
        return self._ledgers.certain(group, known.first_seen if known is not None else None)
