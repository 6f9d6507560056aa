"""Does a Reflector tell what it heard, and what went wrong, as it happens?"""

import asyncio
import contextlib
import json
import logging

import pytest

from support.eventually import eventually
from update_kube import backoff, errors, reflector, resources
from update_kube.reflector import Heard

QUICK = backoff.Backoff(base=0.02, cap=0.05, settled=5.0)
BOOKMARK = {"type": "BOOKMARK", "object": {"kind": "ConfigMap", "metadata": {"resourceVersion": "1"}}}


@contextlib.asynccontextmanager
async def listening(kube, namespace, **settings):
    """A running Reflector with everything that it told, in order."""
    told = []
    mirror = reflector.Reflector(
        kube,
        resources.CONFIGMAPS,
        namespace=namespace,
        field_selector="metadata.name!=kube-root-ca.crt",
        pauses=QUICK,
        on_change=lambda change: told.append(change.key[1]),
        on_heard=told.append,
        on_failure=told.append,
        **settings,
    )
    task = asyncio.create_task(mirror.run())
    try:
        yield told
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def make(kube, namespace, *names):
    for name in names:
        await kube.create(resources.CONFIGMAPS, {"metadata": {"name": name, "namespace": namespace}})


async def test_pages_then_the_list_then_the_watch_and_each_after_the_changes_that_came_with_it(
    kube, proxied, proxy, namespace
):
    await make(kube, namespace, "a", "b", "c")
    async with listening(proxied, namespace, page_size=2) as told:
        await eventually(lambda: proxy.watches == 1)
        await make(kube, namespace, "d")
        await eventually(lambda: told[-1] is Heard.EVENT, saying=lambda: told)
        proxy.inject(json.dumps(BOOKMARK).encode() + b"\n")
        await eventually(lambda: told[-1] is Heard.BOOKMARK, saying=lambda: told)

    first = [Heard.PAGE, Heard.PAGE, "a", "b", "c", Heard.LIST, Heard.WATCH]
    assert told == [*first, "d", Heard.EVENT, Heard.BOOKMARK]


@pytest.mark.parametrize(
    ("which", "before"),
    [
        pytest.param(lambda seen: seen.is_list, [], id="the list"),
        pytest.param(lambda seen: seen.is_watch, [Heard.PAGE, Heard.LIST], id="the watch"),
    ],
)
async def test_what_is_refused_is_told_at_once_each_time(proxied, proxy, namespace, which, before):
    proxy.answer(503, '{"kind": "Status", "message": "no backend"}', matches=which, times=2)
    async with listening(proxied, namespace) as told:
        await eventually(lambda: Heard.WATCH in told, saying=lambda: told)

    failures = [one for one in told if isinstance(one, errors.ServerError)]
    assert [str(failure) for failure in failures] == ["no backend", "no backend"]
    assert told[: len(before) + 1] == [*before, failures[0]]


async def test_the_same_failure_again_and_again_is_logged_rarer_and_rarer(proxied, proxy, namespace, caplog):
    caplog.set_level(logging.INFO, "update_kube.reflector")
    proxy.answer(503, '{"kind": "Status", "message": "no backend"}', times=20)
    proxy.answer(403, '{"kind": "Status", "message": "no right"}', times=1)
    async with listening(proxied, namespace) as told:
        await eventually(lambda: Heard.LIST in told, saying=lambda: told)

    said = [(record.levelname, record.args[1]) for record in caplog.records]
    assert [(level, str(error)) for level, error in said] == [
        ("INFO", "no backend"),
        *[("WARNING", "no backend")] * 4,
        ("WARNING", "no right"),
    ]
