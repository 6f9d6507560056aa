"""How does an answer become bytes? Made in a worker thread where it is large, and sent piece by piece where it is very large."""

import asyncio
import functools
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, TypeVar

import pydantic_core
from starlette.responses import Response

from omaha_api.fleet_api import objects, tables
from omaha_api.fleet_api.api import FleetApi
from omaha_api.fleet_api.instance_pages import Page
from omaha_api.fleet_api.kinds import Kind
from omaha_api.fleet_api.negotiation import Negotiated
from omaha_api.fleet_api.objects import Object
from omaha_api.fleet_api.streaming import StreamedResponse

T = TypeVar("T")

_END = b"]}"


def single(value: Any, negotiated: Negotiated, code: int = 200) -> Response:
    """One small value."""
    return Response(pydantic_core.to_json(value), code, media_type=negotiated.content_type)


async def whole(
    api: FleetApi, kind: Kind, make: Callable[[], list[Object]], negotiated: Negotiated, metadata: Object
) -> Response:
    """A list, or a page of one."""

    def render() -> bytes:
        items = tables.items(kind, make(), negotiated, api.clock())
        return pydantic_core.to_json(tables.list_of(kind, items, negotiated, metadata))

    return Response(await in_worker(api, render), media_type=negotiated.content_type)


def streamed(
    api: FleetApi, kind: Kind, pages: AsyncIterator[Page], negotiated: Negotiated, metadata: Object, epoch: int
) -> Response:
    """A list of any length. An error on the way cuts it off, which every client takes for one."""

    async def body() -> AsyncGenerator[bytes, None]:
        # The items come last in a list: everything before them is sent, then they, then the end.
        yield pydantic_core.to_json(tables.list_of(kind, [], negotiated, metadata)).removesuffix(_END)
        separator = b""
        async for page in pages:
            piece = await in_worker(api, functools.partial(_items, api, kind, page, negotiated, epoch))
            if piece:
                yield separator + piece
                separator = b","
        yield _END

    return StreamedResponse(body(), content_type=negotiated.content_type)


def instances(page: Page, epoch: int) -> list[Object]:
    """The objects of a page."""
    return [objects.instance(row, part.placement, epoch) for part in page.parts for row in part.rows]


async def in_worker(api: FleetApi, make: Callable[[], T]) -> T:
    """Run it beside the event loop."""
    return await asyncio.get_running_loop().run_in_executor(api.workers, make)


def _items(api: FleetApi, kind: Kind, page: Page, negotiated: Negotiated, epoch: int) -> bytes:
    return pydantic_core.to_json(tables.items(kind, instances(page, epoch), negotiated, api.clock()))[1:-1]
