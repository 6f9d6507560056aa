"""What may a person do to an instance? Reset or forget it: in the store, then in this process's memory, and told as an Event.

The store's answers reach this process in the order of its commits, and each is taken over before anything else runs. So a grant that was
given just before a reset is in memory when the reset's answer comes, and goes with it; one that was given just after stays.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from omaha_api.clock import Clock
from omaha_api.fleet_api import kinds, objects, statuses
from omaha_api.instances.fleet_memory import FleetMemory
from omaha_api.instances.known import InstanceKey
from omaha_api.instances.sightings import Sightings
from update_core import names
from update_core.fleet.grants import GrantState
from update_core.fleet.reading import Ended, FleetReader, InstanceRow, Placement
from update_core.resources.fleet.actions import MAX_USER, ActionSpec, ActionStatus, InstanceForget, InstanceReset
from update_core.resources.fleet.base import API_VERSION
from update_kube.events import EventType

logger = logging.getLogger(__name__)

Object = dict[str, Any]
Kind: TypeAlias = type[InstanceReset] | type[InstanceForget]


class Events(Protocol):
    """Where it is told what was done to an object; update_kube.events.Recorder does."""

    def record(self, regarding: Object, type_: EventType | str, reason: str, action: str, note: str) -> None:
        """Note that something happened to an object; returns at once."""
        ...


@dataclass(frozen=True, slots=True)
class Story:
    """An action in the words of its Event."""

    reason: str
    action: str
    deed: str


RESET = Story("InstanceReset", "Reset", "reset it")
FORGET = Story("InstanceForgotten", "Forget", "had it forgotten")

_END: Mapping[Kind, Story] = {InstanceReset: RESET, InstanceForget: FORGET}


@dataclass(frozen=True, slots=True)
class Asked:
    """Who wants it done, and why."""

    user: str
    spec: ActionSpec
    dry_run: bool = False


class Actions:
    """Does it."""

    def __init__(
        self,
        *,
        reader: FleetReader,
        memory: FleetMemory,
        sightings: Sightings,
        events: Events,
        moved: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._reader = reader
        self._memory = memory
        self._sightings = sightings
        self._events = events
        self._moved = moved
        self._clock = clock
        self._doing: set[asyncio.Task[Ended | None]] = set()

    async def act(self, kind: Kind, row: InstanceRow, placement: Placement, asked: Asked) -> ActionStatus:
        """Reset or forget an instance; a dry run only says what would be done.

        Raises:
            ApiError: 404, it is gone by now.
            StoreUnavailable: it isn't done, or it isn't known whether.
        """
        if asked.dry_run:
            held = row.grant if row.grant is not None and row.grant.state.live else None
            return _status(asked, held.version if held is not None else "")
        # Whoever asked may go away in the middle. What the store has ended, memory must not go on offering.
        doing = asyncio.create_task(self._do(kind, row, placement, asked), name=f"{kind.kind} of {row.slug}")
        self._doing.add(doing)
        doing.add_done_callback(self._done)
        ended = await asyncio.shield(doing)
        if ended is None:
            raise statuses.not_found(kinds.INSTANCES, names.instance(placement.application, row.slug))
        return _status(asked, _ended_version(ended))

    def _done(self, doing: asyncio.Task[Ended | None]) -> None:
        self._doing.discard(doing)
        if not doing.cancelled() and doing.exception() is not None:
            # Who asked is told, if they still wait.
            logger.info("%s failed: %s", doing.get_name(), doing.exception())

    async def _do(self, kind: Kind, row: InstanceRow, placement: Placement, asked: Asked) -> Ended | None:
        key = (row.record.app_id, row.record.instance_id)
        now = self._clock()
        ended = await (self._reset(key, now) if kind is InstanceReset else self._forget(key, now))
        if ended is not None:
            self._tell(_END[kind], row, placement, asked, ended)
            self._moved()
        return ended

    async def _reset(self, key: InstanceKey, now: datetime) -> Ended | None:
        ended = await self._reader.reset(*key, now)
        self._end_in_memory(key, now)
        # Its failures are forgotten with it.
        self._memory.outdate(key)
        return ended

    async def _forget(self, key: InstanceKey, now: datetime) -> Ended | None:
        # What was heard before isn't to bring it back.
        waiting = self._sightings.withdraw(key)
        try:
            ended = await self._reader.forget(*key, now)
        except BaseException:
            # Whether it is forgotten isn't known: its next check looks.
            self._sightings.put_back(waiting)
            self._memory.forget(key)
            raise
        self._end_in_memory(key, now)
        self._sightings.withdraw(key)
        self._memory.forget(key)
        return ended

    def _end_in_memory(self, key: InstanceKey, now: datetime) -> None:
        # The store has none now. It isn't asked which one it ended: an earlier attempt may have, whose answer was lost.
        held = self._memory.live_grant(key)
        if held is not None:
            self._memory.apply(replace(held, state=GrantState.FORGOTTEN, moved_at=now))

    def _tell(self, story: Story, row: InstanceRow, placement: Placement, asked: Asked, ended: Ended) -> None:
        regarding = {
            "apiVersion": API_VERSION,
            "kind": kinds.INSTANCES.kind,
            "metadata": objects.identity(row, placement),
        }
        why = f" ({asked.spec.reason})" if asked.spec.reason else ""
        version = _ended_version(ended)
        end = f" Its update to {version} was ended." if version else " It had no update in flight."
        self._events.record(
            regarding, EventType.NORMAL, story.reason, story.action, f"{asked.user} {story.deed}{why}.{end}"
        )


def _ended_version(ended: Ended) -> str:
    return ended.closed.version if ended.closed is not None else ""


def _status(asked: Asked, ended_version: str) -> ActionStatus:
    return ActionStatus(user=asked.user[:MAX_USER], ended_version=ended_version)
