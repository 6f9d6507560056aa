"""What is there when a watch begins? Its selection, read page by page.

A row may be newer than the watch's position. It is shown with the position's version, because the change that made it newer comes yet: a
client that goes on from the greatest version it saw would skip the changes before that one.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import TypeVar

from omaha_api.fleet_api import instance_pages, kinds
from omaha_api.fleet_api import objects as shown
from omaha_api.fleet_api.api import FleetApi
from omaha_api.fleet_api.changes import Selection
from omaha_api.fleet_api.objects import Object
from update_core.fleet.reading import InstanceRow, Position, ProgressRow

Row = TypeVar("Row", InstanceRow, ProgressRow)

_PAGE = 500
_PIECE = 50
"""Objects that are made at a time: between two pieces the event loop answers checks."""


async def objects(api: FleetApi, selection: Selection, position: Position) -> AsyncIterator[Sequence[Object]]:
    """The objects of a selection, some at a time.

    Raises:
        StoreUnavailable: they can't be read.
    """
    await api.placements.current()
    if selection.kind is kinds.GROUPPROGRESSES:
        found = [_progress(selection, row, position) for row in await api.reader.progresses()]
        yield [obj for obj in found if obj is not None]
        return
    resource_version = position.resource_version(position.latest)
    start = None
    while True:
        page = await instance_pages.page(api, selection.namespace, selection.selector, resource_version, _PAGE, start)
        for part in page.parts:
            for begin in range(0, len(part.rows), _PIECE):
                piece = part.rows[begin : begin + _PIECE]
                yield [shown.instance(_at(row, position), part.placement, position.epoch) for row in piece]
        start = page.next
        if start is None:
            return


def _at(row: Row, position: Position) -> Row:
    return row if row.revision <= position.latest else replace(row, revision=position.latest)


def _progress(selection: Selection, row: ProgressRow, position: Position) -> Object | None:
    placement = selection.placements.of_app(row.progress.app_id)
    if placement is None or (selection.namespace is not None and placement.namespace != selection.namespace):
        return None
    if not selection.selector.matches_progress(placement, row):
        return None
    return shown.progress(_at(row, position), placement, position.epoch)
