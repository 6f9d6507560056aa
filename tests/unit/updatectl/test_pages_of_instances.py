"""Instances page by page: as far as there are any, as far as somebody wants, and whatever size the server makes of its pages."""

from typing import Any

import pytest

from updatectl.fleet import requests
from updatectl.session import Session


class Pages:
    """A connection to a server with so many instances. It answers with everything where a page would have `whole_from` or more."""

    def __init__(self, instances: int, whole_from: int = 10**9) -> None:
        self._items = [{"metadata": {"name": f"i{number}"}} for number in range(instances)]
        self._whole_from = whole_from
        self.limits: list[int] = []

    async def list_page(self, *_: Any, limit: int, continue_: str | None, **__: Any) -> dict[str, Any]:
        self.limits.append(limit)
        begin = int(continue_ or 0)
        end = len(self._items) if limit >= self._whole_from else begin + limit
        token = {"continue": str(end)} if end < len(self._items) else {}
        return {"metadata": token, "items": self._items[begin:end]}


async def sizes(server: Pages, limit: int | None) -> list[int]:
    """How many instances are on each page; none comes twice."""
    session = Session(kube=server, namespace="team")
    found = [page async for page in requests.pages(session, requests.Selection(), limit=limit)]
    names = [item["metadata"]["name"] for page in found for item in page]
    assert names == [f"i{number}" for number in range(len(names))]
    return [len(page) for page in found]


@pytest.mark.parametrize(
    ("limit", "asked", "got"),
    [
        pytest.param(None, [500, 500, 500], [500, 500, 234], id="all"),
        pytest.param(3, [3], [3], id="fewer than a page"),
        pytest.param(700, [500, 200], [500, 200], id="more than a page"),
        pytest.param(5000, [500, 500, 500], [500, 500, 234], id="more than there are"),
    ],
)
async def test_a_large_fleet_is_read_page_by_page(limit, asked, got):
    server = Pages(1234)

    assert await sizes(server, limit) == got
    assert server.limits == asked


@pytest.mark.parametrize(("limit", "got"), [(None, 1234), (700, 700), (5000, 1234)], ids=["all", "some", "too many"])
async def test_a_server_that_sends_everything_at_once_gives_no_more_than_was_wanted(limit, got):
    server = Pages(1234, whole_from=500)

    assert await sizes(server, limit) == [got]
    assert server.limits == [500]
