"""How far is each group? The GroupProgress objects of the fleet API, listed and watched, kept by (appId, track).

What counts is the identity in an object's spec, not its name. The last counts stay while the fleet API is away; contact.py finds that out.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from update_core.fleet.progress import GroupProgress
from update_kube import backoff, reflector
from update_kube.client import Client
from update_kube.reflector import Change, ChangeKind
from update_kube.resources import GROUPPROGRESSES
from update_operator import progress_objects
from update_operator.contact import ContactTimes, FleetContact, Trouble
from update_operator.progress_objects import Group
from update_operator.reconcile.outcome import Contact, Fleet

CHECK_SECONDS = 0.25
PAGE_SIZE = 2000
"""An object is small, and the fleet API looks at all of them for each page."""
_OVERSLEPT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class FleetTimes:
    """Until the fleet API counts as away, between two complete lists, and at most between two attempts while it is away; in seconds."""

    contact: ContactTimes = field(default_factory=ContactTimes)
    relist_seconds: float = 300.0
    max_pause_seconds: float = 5.0

    @property
    def inactivity_seconds(self) -> float:
        """A watch that says nothing for so long is opened anew: before its silence counts, because it may be the connection's alone."""
        return self.contact.silence_seconds * 0.7


class FleetProgress:
    """What the objects say, by group. `changed` is told of a group whenever what is known of it changed."""

    def __init__(self, changed: Callable[[Group], None]) -> None:
        self._changed = changed
        self._groups: dict[Group, GroupProgress | None] = {}
        """None: there is an object, and it can't be read."""
        self._speakers: dict[Group, reflector.Key] = {}
        """Which object speaks for a group: it may be called otherwise one day, and the old name's end may come later."""
        self._subjects: dict[reflector.Key, Group] = {}

    def __len__(self) -> int:
        return len(self._groups)

    def get(self, group: Group) -> GroupProgress | None:
        """The group's counts, None where there are none to be had."""
        return self._groups.get(group)

    def unreadable(self, group: Group) -> bool:
        """Whether something is said of the group that can't be understood."""
        return group in self._groups and self._groups[group] is None

    def take(self, change: Change) -> None:
        """Take in a change of an object; one that can't be read is logged."""
        group = None if change.kind is ChangeKind.DELETED else progress_objects.subject(change)
        earlier = self._subjects.pop(change.key, None)
        if earlier is not None and earlier != group and self._speakers.get(earlier) == change.key:
            del self._speakers[earlier], self._groups[earlier]
            self._changed(earlier)
        if group is None:
            return
        before, new = self._groups.get(group), group not in self._groups
        self._subjects[change.key], self._speakers[group] = group, change.key
        self._groups[group] = progress_objects.read(change)
        if new or self._groups[group] != before:
            self._changed(group)


class FleetFollower:
    """Lists and watches the fleet's progress and remembers it.

    `on_change` is told which group may have to be looked at again; `on_turn` that all may have to be, and what the trouble with the fleet
    API is, None once it answers. Both are called on the event loop.
    """

    def __init__(
        self,
        kube: Client,
        *,
        on_change: Callable[[Group], None],
        on_turn: Callable[[Trouble | None], None],
        clock: Callable[[], float],
        jitter: Callable[[], float],
        times: FleetTimes,
    ) -> None:
        self._on_change = on_change
        self._clock = clock
        self._progress = FleetProgress(self._changed)
        self._contact = FleetContact(times.contact, clock=clock, on_turn=on_turn)
        self._reflector = reflector.Reflector(
            kube,
            GROUPPROGRESSES,
            page_size=PAGE_SIZE,
            inactivity_timeout=times.inactivity_seconds,
            relist_interval=times.relist_seconds,
            on_change=self._progress.take,
            on_heard=self._contact.heard,
            on_failure=self._contact.failed,
            clock=clock,
            jitter=jitter,
            pauses=backoff.Backoff(cap=times.max_pause_seconds, jitter=jitter),
        )

    def __len__(self) -> int:
        return len(self._progress)

    @property
    def contact(self) -> Contact:
        """How things stand with the fleet API."""
        return self._contact.state

    def fleet(self, app_id: str, track: str) -> Fleet:
        """What is known of one group."""
        group, trouble = (app_id, track), self._contact.trouble
        known = self._contact.known and not self._progress.unreadable(group)
        return Fleet(self._contact.state, known, self._progress.get(group), trouble.text if trouble else "")

    async def run(self) -> None:
        """Follow the fleet API until cancelled. Nothing that it does ends this."""
        self._contact.begin()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._reflector.run(), name="list and watch of the fleet's progress")
            tasks.create_task(self._check(), name="contact with the fleet API")

    async def _check(self) -> None:
        while True:
            asleep = self._clock()
            await asyncio.sleep(CHECK_SECONDS)
            late = self._clock() - asleep - CHECK_SECONDS
            self._contact.check(late if late > _OVERSLEPT_SECONDS else 0.0)

    def _changed(self, group: Group) -> None:
        # Before the first complete list nothing is certain, and when contact comes back all are looked at.
        if self._contact.state is Contact.ANSWERING:
            self._on_change(group)
