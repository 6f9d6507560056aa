"""Which instances are on a page? Keyset reading in the order of (namespace, application, slug), as far as a bounded effort goes.

What the store has an index for is asked of it; the rest of a selector is matched here. A selector that leaves out nearly everything gets
short pages, even empty ones, with a token to go on: clients follow it, and no request scans a fleet for seconds.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from omaha_api.fleet_api.api import FleetApi, slug_in
from omaha_api.fleet_api.continuing import Token
from omaha_api.fleet_api.selectors import FieldRequirement, Selector
from update_core.fleet.grants import GrantState
from update_core.fleet.reading import IDLE, InstanceQuery, InstanceRow, Placement

_COMMON_STATES = frozenset({IDLE, GrantState.COMPLETE.value})
"""States that nearly all instances may be in."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Some instances of one application, in order."""

    placement: Placement
    rows: list[InstanceRow]


@dataclass(frozen=True, slots=True)
class Page:
    """Instances in order, and where the next page begins: None at the end."""

    parts: list[Rows]
    next: Token | None


@dataclass(frozen=True, slots=True)
class _Stretch:
    """What to read of one application."""

    placement: Placement
    query: InstanceQuery
    residual: Selector
    """What the store can't be asked for."""

    def matches(self, row: InstanceRow) -> bool:
        """Whether a row that was read is wanted."""
        return self.residual.matches_instance(self.placement, row.selectable, row.record.instance_id, row.slug)


async def page(
    api: FleetApi, namespace: str | None, selector: Selector, resource_version: int, limit: int, start: Token | None
) -> Page:
    """At most `limit` instances from `start` on; None means from the first.

    Raises:
        StoreUnavailable: they can't be read.
    """
    parts: list[Rows] = []
    missing = limit
    chunk, deadline = api.effort.chunk, time.monotonic() + api.effort.scan_seconds
    await api.placements.current()
    for stretch in _stretches(api, namespace, selector, start):
        placement, after, more = stretch.placement, stretch.query.after, True
        while more:
            # One beyond the page's end says whether there is a next page: without it a full last page promised an empty one.
            size = min(chunk, missing + 1) if stretch.residual.everything else chunk
            found = await api.reader.instances(replace(stretch.query, after=after, limit=size))
            more = len(found) == size
            chosen: list[InstanceRow] = []
            parts.append(Rows(placement, chosen))
            for row in found:
                if stretch.matches(row):
                    if not missing:
                        return Page(parts, _token(resource_version, placement, after))
                    chosen.append(row)
                    missing -= 1
                after = row.slug
            full = not missing and not stretch.residual.everything
            if more and (full or time.monotonic() > deadline):
                return Page(parts, _token(resource_version, placement, after))
    return Page(parts, None)


def _token(resource_version: int, placement: Placement, after: str) -> Token:
    return Token(resource_version, placement.namespace, placement.application, placement.app_id, after)


def _stretches(api: FleetApi, namespace: str | None, selector: Selector, start: Token | None) -> Iterator[_Stretch]:
    begin = ("", "", "") if start is None else start[1:4]
    for placement in api.placements.in_namespace(namespace):
        place = (placement.namespace, placement.application, placement.app_id)
        if place >= begin:
            after = start.after if start is not None and place == begin else ""
            stretch = _stretch(placement, selector, after)
            if stretch is not None:
                yield stretch


def _stretch(placement: Placement, selector: Selector, after: str) -> _Stretch | None:
    """The query of one application; None where nothing of it can be selected."""
    query = InstanceQuery(placement.app_id, after=after)
    residual: list[FieldRequirement] = []
    for requirement in selector.fields:
        narrowed = _narrowed(query, placement, requirement) if requirement.equal else query
        if narrowed is None:
            return None
        if narrowed is query:
            residual.append(requirement)
        query = narrowed
    by_one = _by_one(query)
    return _Stretch(placement, by_one, Selector(tuple(residual), selector.labels) if by_one == query else selector)


def _by_one(query: InstanceQuery) -> InstanceQuery:
    """The query with the one demand that leaves out most: for two of them together there is no index, and nobody knows beforehand how
    many rows the store would look at to fill a page. The others are matched here, where the clock is looked at."""
    if query.slug is not None or query.instance_id is not None:
        return query
    if query.state is not None and query.state not in _COMMON_STATES:
        return replace(query, version=None, track=None)
    if query.version is not None:
        return replace(query, state=None, track=None)
    return replace(query, state=None) if query.track is not None else query


def _narrowed(query: InstanceQuery, placement: Placement, requirement: FieldRequirement) -> InstanceQuery | None:
    """The query with one more demand; the same query where the store can't be asked for it, None where nothing can meet it."""
    field, value = requirement.field, requirement.value
    match field:
        case "metadata.namespace":
            return query if value == placement.namespace else None
        case "spec.application":
            return query if value == placement.application else None
        case "metadata.name":
            slug = slug_in(placement, value)
            return _demanding(query, "slug", slug) if slug else None
        case "spec.group" if value:
            tracks = [track for track, name in placement.groups.items() if name == value]
            return _demanding(query, "track", tracks[0]) if tracks else None
        case "spec.group":
            return query
        case "spec.track":
            return _demanding(query, "track", value)
        case "spec.instanceId":
            return _demanding(query, "instance_id", value)
        case "status.version":
            return _demanding(query, "version", value)
        case _:
            return _demanding(query, "state", value)


def _demanding(
    query: InstanceQuery, column: Literal["slug", "track", "instance_id", "version", "state"], value: str
) -> InstanceQuery | None:
    held: str | None = getattr(query, column)
    if held is not None and held != value:
        return None
    demand: dict[str, Any] = {column: value}
    return replace(query, **demand)
