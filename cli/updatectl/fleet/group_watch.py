"""What happens to a group, as it happens? Follows the Group, its application's Channels and its counts until there is an end.

The counts may stay away while the fleet API does: what the Group itself says goes on.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from update_kube import errors as kube_errors
from update_kube.reflector import Change, Reflector, State
from update_kube.resources import CHANNELS, GROUPPROGRESSES, GROUPS
from updatectl import lookup
from updatectl.errors import CommandError
from updatectl.fleet import group_picture, group_screen
from updatectl.fleet.group_picture import Picture
from updatectl.session import Session

Object = dict[str, Any]

_SYNC_SECONDS = 30.0
_PROGRESS_SYNC_SECONDS = 3.0
_TICK_SECONDS = 1.0


class Show(Protocol):
    """Where the picture goes: a screen, lines, or objects."""

    def picture(self, picture: Picture) -> None:
        """The group as it is now; called after every change, and every second."""
        ...

    def change(self, change: Change) -> None:
        """One object changed."""
        ...


@dataclass(frozen=True)
class Ends:
    """When to stop: at the first complete rollout, after so many seconds, or (neither) never."""

    until_complete: bool = False
    timeout_seconds: float | None = None


@dataclass
class _Heard:
    """Changes that nobody has seen yet."""

    changes: list[Change] = field(default_factory=list)
    some: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, change: Change) -> None:
        self.changes.append(change)
        self.some.set()


class _Contact:
    """Whether what a Reflector shows is still followed: a new list now and then is no fault, one after an error is."""

    def __init__(self, reflector: Reflector) -> None:
        self.reflector = reflector
        self._failures = 0

    def fault(self) -> kube_errors.KubeError | None:
        """What keeps it from following, None if nothing does."""
        failures = self.reflector.counters.failures
        if self.reflector.state is State.WATCHING:
            self._failures = failures
        return self.reflector.last_error if failures > self._failures else None


async def follow(session: Session, first: Picture, show: Show, ends: Ends) -> None:
    """Show the group of this picture until the end that was asked for.

    Raises CommandError if it wasn't complete in time or was deleted before, or if the API doesn't let us watch.
    """
    # A watch that breaks is opened again; what its module logs about that would end up in the middle of the picture.
    logging.getLogger("update_kube").addHandler(logging.NullHandler())
    group = first.group or {}
    name = group["metadata"]["name"]
    heard = _Heard()
    by_name = lookup.selector({"metadata.name": name})
    by_application = lookup.selector({"spec.applicationRef.name": group["spec"]["applicationRef"]["name"]})
    groups = _reflector(session, GROUPS, by_name, heard.take)
    channels = _reflector(session, CHANNELS, by_application, heard.take)
    counts = _reflector(session, GROUPPROGRESSES, by_name, heard.take)

    needed, counted = [_Contact(groups), _Contact(channels)], _Contact(counts)

    def picture() -> Picture:
        found = groups.objects.get((session.namespace, name))
        channel_name = (found or group)["spec"]["channelRef"]["name"]
        return Picture(
            app_id=first.app_id,
            group=found,
            progress=counts.objects.get((session.namespace, name)),
            channel=channels.objects.get((session.namespace, channel_name)),
            trouble=_trouble(needed, counted),
        )

    async with _running(groups, channels, counts):
        await _first_lists(groups, channels, None if first.trouble else counts)
        await _show_on(heard, picture, show, ends, needed)


async def _show_on(
    heard: _Heard, picture: Callable[[], Picture], show: Show, ends: Ends, needed: list[_Contact]
) -> None:
    deadline = None if ends.timeout_seconds is None else time.monotonic() + ends.timeout_seconds
    while True:
        heard.some.clear()
        for change in heard.changes:
            show.change(change)
        heard.changes.clear()
        now = picture()
        show.picture(now)
        if ends.until_complete and now.complete:
            return
        if ends.until_complete and now.group is None:
            raise CommandError("the group was deleted before its rollout was complete")
        if deadline is not None and time.monotonic() >= deadline:
            if not ends.until_complete:
                return
            raise CommandError(_not_complete(now, ends))
        for contact in needed:
            _check_allowed(contact)
        left = _TICK_SECONDS if deadline is None else min(_TICK_SECONDS, max(deadline - time.monotonic(), 0))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(heard.some.wait(), left)


def _not_complete(picture: Picture, ends: Ends) -> str:
    waiting = "; ".join(group_picture.waits(picture))
    return f"the rollout was not complete within {ends.timeout_seconds:g} s: {group_screen.line(picture)}\nWaits for {waiting}"


def _reflector(session: Session, resource: Any, selector: str, on_change: Callable[[Change], None]) -> Reflector:
    return Reflector(session.kube, resource, namespace=session.namespace, field_selector=selector, on_change=on_change)


@contextlib.asynccontextmanager
async def _running(*reflectors: Reflector) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(reflector.run()) for reflector in reflectors]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _first_lists(groups: Reflector, channels: Reflector, counts: Reflector | None) -> None:
    for reflector in (groups, channels):
        await reflector.wait_synced(_SYNC_SECONDS)
    # Only so that the first picture has the counts where they can be had.
    if counts is not None:
        with contextlib.suppress(kube_errors.NotSynced):
            await counts.wait_synced(_PROGRESS_SYNC_SECONDS)


def _check_allowed(contact: _Contact) -> None:
    fault = contact.fault()
    if isinstance(fault, kube_errors.Forbidden | kube_errors.Unauthorized):
        raise fault


def _trouble(needed: list[_Contact], counts: _Contact) -> str:
    if any(contact.fault() for contact in needed):
        return "the Kubernetes API does not answer"
    fault = counts.fault()
    if isinstance(fault, kube_errors.Forbidden):
        return "no right to read groupprogresses"
    return "the fleet API does not answer" if fault else ""
