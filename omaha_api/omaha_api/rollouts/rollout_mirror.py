"""Does the store know every rollout before it grants anything of it? Stamps are mirrored as catalogs bring them.

The mirror is what a lost Group status is restored from; and a store that meets a rollout in mid-course knows that it was lost itself.
"""

import asyncio
import logging
from typing import NamedTuple

from omaha_api.clock import Clock
from omaha_api.instances.fleet_memory import FleetMemory
from omaha_api.instances.ledgers import GroupKey
from update_core import catalog
from update_core.fleet.store import FleetStore, StoreUnavailable
from update_core.rollout.model import Refusal, ResolvedGroup, Stamp
from update_core.rollout.plan import Course, HaltOn

logger = logging.getLogger(__name__)

_CHUNK = 64
_RETRY_SECONDS = 1.0


class _Mirrored(NamedTuple):
    """What the store keeps of a rollout, and judges its outcomes by. A plain tuple: each new catalog compares every group's."""

    stamp: Stamp
    completed: bool
    course: Course
    halt_on: HaltOn | None


class RolloutMirror:
    """Which stamps the store has, how far each rollout is, and what halts it."""

    def __init__(self, store: FleetStore, memory: FleetMemory, clock: Clock) -> None:
        self._store = store
        self._memory = memory
        self._clock = clock
        self._recorded: dict[GroupKey, _Mirrored] = {}
        """What the store has confirmed last, by group."""
        self._stale: dict[GroupKey, tuple[int, Refusal]] = {}
        self._latest = catalog.EMPTY
        self._changed = asyncio.Event()

    def follow(self, latest: catalog.Catalog) -> None:
        """Mirror the stamps of a new catalog soon."""
        self._latest = latest
        self._changed.set()

    async def ensure(self, group: ResolvedGroup) -> Refusal | None:
        """Have the group's stamp in the store; a refusal if the store has seen a later one.

        A grant doesn't wait for a new course of the same rollout: that is mirrored within moments, and no outcome comes sooner.

        Raises:
            StoreUnavailable: it can't be recorded.
        """
        if group.stamp is None:
            return None
        key = (group.app_id, group.track)
        recorded, stale = self._recorded.get(key), self._stale.get(key)
        if recorded is not None and recorded.stamp.sequence == group.stamp.sequence:
            return None
        if stale is not None and stale[0] == group.stamp.sequence:
            return stale[1]
        return await self._record(group)

    async def confirm(self, group: ResolvedGroup) -> None:
        """Write the group's stamp, whether or not the store has it already: where that fails, a grant would too.

        Raises:
            StoreUnavailable: nothing can be written.
        """
        await self._record(group)

    async def run(self) -> None:
        """Mirror until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._mirror(self._latest)
            except StoreUnavailable as error:
                logger.warning("rollouts wait to be recorded: %s", error)
                await asyncio.sleep(_RETRY_SECONDS)
                self._changed.set()

    async def _mirror(self, latest: catalog.Catalog) -> None:
        missing = [group for group in latest.groups() if self._is_news(group)]
        for start in range(0, len(missing), _CHUNK):
            results = await asyncio.gather(
                *(self._record(group) for group in missing[start : start + _CHUNK]), return_exceptions=True
            )
            for result in results:
                if isinstance(result, BaseException):
                    raise result

    def _is_news(self, group: ResolvedGroup) -> bool:
        if group.stamp is None:
            return False
        key = (group.app_id, group.track)
        stale = self._stale.get(key)
        if stale is not None and stale[0] == group.stamp.sequence:
            return False
        return self._recorded.get(key) != _mirrored(group, group.stamp)

    async def _record(self, group: ResolvedGroup) -> Refusal | None:
        if group.stamp is None:
            return None
        key = (group.app_id, group.track)
        answer = await self._store.record_rollout(group, group.stamp, completed=group.completed, now=self._clock())
        if isinstance(answer, Refusal):
            logger.warning(
                "group %s/%s is stamped with rollout %d, but the store has a later one: %s",
                group.namespace,
                group.name,
                group.stamp.sequence,
                answer.reason,
            )
            self._stale[key] = (group.stamp.sequence, answer)
            return answer
        self._recorded[key] = _mirrored(group, group.stamp)
        self._memory.learn(answer, group.limits)
        latest = self._latest.group(*key)
        if latest is not None and self._is_news(latest):
            # Whoever asked for this had an earlier catalog; the latest is to be what stands.
            self._changed.set()
        return None


def _mirrored(group: ResolvedGroup, stamp: Stamp) -> _Mirrored:
    return _Mirrored(stamp, group.completed, group.course, group.plan.halt_on)
