"""Which groups' progress is on a page? There are as many as Groups, so all are read and the page is cut out of them."""

from collections.abc import Iterator, Sequence

from omaha_api.fleet_api import answers, kinds, objects, statuses
from omaha_api.fleet_api.api import FleetApi
from omaha_api.fleet_api.continuing import Token
from omaha_api.fleet_api.objects import Object
from omaha_api.fleet_api.selectors import Selector
from omaha_api.placements import Placements
from update_core.fleet.reading import Placement, ProgressRow

Key = tuple[str, str]
"""(namespace, name)."""


async def page(
    api: FleetApi, namespace: str | None, selector: Selector, epoch: int, limit: int | None, start: Token | None
) -> tuple[list[Object], Key | None]:
    """At most `limit` objects in the order of (namespace, name) from `start` on, and the last one's key if there are more.

    Raises:
        StoreUnavailable: they can't be read.
    """
    rows = await api.reader.progresses()
    await api.placements.current()
    after = (start.namespace, start.after) if start is not None else None

    def cut() -> tuple[list[Object], Key | None]:
        chosen = sorted(_chosen(api.placements, rows, namespace, selector, after), key=lambda each: each[0])
        shown = chosen[:limit]
        made = [objects.progress(row, placement, epoch) for _, placement, row in shown]
        return [obj for obj in made if obj is not None], shown[-1][0] if len(chosen) > len(shown) else None

    return await answers.in_worker(api, cut)


def _chosen(
    placements: Placements, rows: Sequence[ProgressRow], namespace: str | None, selector: Selector, after: Key | None
) -> Iterator[tuple[Key, Placement, ProgressRow]]:
    """What has a name and is selected, beyond a key."""
    for row in rows:
        placement = placements.of_app(row.progress.app_id)
        if placement is None or namespace not in {None, placement.namespace}:
            continue
        key = (placement.namespace, objects.group_of(placement, row.progress.track))
        if key[1] and (after is None or key > after) and selector.matches_progress(placement, row):
            yield key, placement, row


async def named(api: FleetApi, namespace: str, name: str, epoch: int) -> Object:
    """The progress of the Group with this name.

    Raises:
        ApiError: 404.
        StoreUnavailable: it can't be read.
    """
    rows = await api.reader.progresses()
    await api.placements.current()
    key = api.placements.track_of(namespace, name)
    for row in rows:
        placement = api.placements.of_app(row.progress.app_id)
        if placement is not None and (row.progress.app_id, row.progress.track) == key:
            obj = objects.progress(row, placement, epoch)
            if obj is not None:
                return obj
    raise statuses.not_found(kinds.GROUPPROGRESSES, name)
