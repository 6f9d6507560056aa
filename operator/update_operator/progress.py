"""How far is each group? Reports of the Omaha service, polled over its private port and kept, one entry per (appId, track).

Reports are increments; a service that restarted is asked for everything again. While it doesn't answer, the last counts stay.
"""

import asyncio
import logging
from collections.abc import Callable

import aiohttp

from update_core.fleet import progress
from update_core.fleet.progress import GroupProgress, ProgressReport, ProgressSource, ProgressUnavailable
from update_operator.reconcile.outcome import Contact, Fleet

logger = logging.getLogger(__name__)

REQUEST_TIMEOUT_SECONDS = 5.0
_EXCERPT = 200

Group = tuple[str, str]
"""(appId, track)."""


class HttpProgressSource:
    """A ProgressSource that asks `<url>/progress`."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url.rstrip("/") + "/progress"

    async def fetch(self, epoch: str, revision: int) -> ProgressReport:
        """What changed since (epoch, revision); ("", 0) asks for everything.

        Raises:
            ProgressUnavailable: no answer, or none that is a report.
        """
        timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_SECONDS)
        query = {"epoch": epoch, "revision": str(revision)}
        try:
            async with self._session.get(self._url, params=query, timeout=timeout) as response:
                if response.status != 200:
                    text = (await response.text())[:_EXCERPT].strip()
                    raise ProgressUnavailable(f"{self._url} answers {response.status}: {text}")
                return progress.from_wire(await response.json())
        except TimeoutError as error:
            raise ProgressUnavailable(f"{self._url} did not answer within {REQUEST_TIMEOUT_SECONDS:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ProgressUnavailable(f"{self._url}: {error}") from error


class FleetFollower:
    """Polls a source and remembers what it said.

    `on_change` is told which groups may have to be looked at again; None means all: the contact itself changed. The source counts as away
    once it hasn't answered for `grace_seconds`; before its first answer it gets as long.
    """

    def __init__(
        self,
        source: ProgressSource,
        *,
        on_change: Callable[[list[Group] | None], None],
        clock: Callable[[], float],
        jitter: Callable[[], float],
        poll_interval_seconds: float = 1.0,
        max_interval_seconds: float = 5.0,
        grace_seconds: float = 5.0,
    ) -> None:
        self._source = source
        self._on_change = on_change
        self._clock = clock
        self._jitter = jitter
        self._interval = poll_interval_seconds
        self._max_interval = max_interval_seconds
        self._grace = grace_seconds
        self._groups: dict[Group, GroupProgress] = {}
        self._position = ("", 0)
        self._since = clock()
        self._known = False
        self._contact = Contact.STARTING
        self.failures = 0
        """Polls in a row without an answer."""

    @property
    def contact(self) -> Contact:
        """How things stand with the service."""
        return self._contact

    def fleet(self, app_id: str, track: str) -> Fleet:
        """What is known of one group."""
        return Fleet(self._contact, self._known, self._groups.get((app_id, track)))

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            delay = await self.poll()
            await asyncio.sleep(delay)

    async def poll(self) -> float:
        """Ask once. Returns the seconds until the next time: longer and longer while there is no answer."""
        try:
            report = await self._source.fetch(*self._position)
        except ProgressUnavailable as error:
            self.failures += 1
            self._silent(error)
            backoff = min(self._max_interval, self._interval * 2.0 ** min(self.failures - 1, 10))
            return backoff * (0.5 + self._jitter() / 2)
        self.failures = 0
        self._since = self._clock()
        self._take(report)
        return self._interval

    def _silent(self, error: ProgressUnavailable) -> None:
        if self._contact is not Contact.AWAY and self._clock() - self._since >= self._grace:
            logger.warning("the Omaha service does not answer; its last counts stay, no rollout begins: %s", error)
            self._contact = Contact.AWAY
            self._on_change(None)

    def _take(self, report: ProgressReport) -> None:
        if not report.full and report.epoch != self._position[0]:
            # Increments to something that we never had: ask for everything next time.
            logger.warning("the Omaha service reported increments of another epoch; asking for all groups")
            self._position = ("", 0)
            return
        earlier = list(self._groups.values())
        changed = [(group.app_id, group.track) for group in progress.changed(earlier, report.groups)]
        latest = {(group.app_id, group.track): group for group in report.groups}
        if report.full:
            changed += [group for group in self._groups if group not in latest]
            self._groups = latest
        else:
            self._groups |= latest
        self._position = (report.epoch, report.revision)
        if not self._known or self._contact is not Contact.ANSWERING:
            self._known, self._contact = self._known or report.full, Contact.ANSWERING
            logger.info("the Omaha service answers: %d groups", len(self._groups))
            self._on_change(None)
        elif changed:
            self._on_change(changed)
