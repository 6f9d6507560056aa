"""Whatever happens between us and the API server, the Reflector ends up with what the server holds."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time

import pytest

from support import fault_proxy
from support.eventually import eventually
from update_kube import backoff, client, errors, reflector, resources

QUICK = backoff.Backoff(base=0.02, cap=0.2, settled=5.0)


def configmap(namespace, name, value):
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": {"made-by": "this-test"}},
        "data": {"value": value},
    }


class Mirror:
    """A running Reflector with every change it reported."""

    def __init__(self, kube, namespace, **settings):
        self.changes = []
        self.reflector = reflector.Reflector(
            kube,
            resources.CONFIGMAPS,
            namespace=namespace,
            on_change=self.changes.append,
            **{"inactivity_timeout": 30.0, "pauses": QUICK} | settings,
        )

    @contextlib.asynccontextmanager
    async def running(self):
        task = asyncio.create_task(self.reflector.run())
        try:
            yield self
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    @property
    def values(self):
        return {
            name: obj["data"]["value"] for (_, name), obj in self.reflector.objects.items() if "value" in obj["data"]
        }

    def told(self, name):
        return [change.kind.value for change in self.changes if change.key[1] == name]


async def seed(kube, namespace):
    for name in ("kept", "changed", "deleted"):
        await kube.create(resources.CONFIGMAPS, configmap(namespace, name, "before"))


async def change_everything(kube, namespace):
    await kube.create(resources.CONFIGMAPS, configmap(namespace, "created", "after"))
    await kube.merge_patch(resources.CONFIGMAPS, "changed", {"data": {"value": "after"}}, namespace)
    await kube.delete(resources.CONFIGMAPS, "deleted", namespace)


AFTER = {"kept": "before", "changed": "after", "created": "after"}


async def held_by_server(kube, namespace):
    items, _ = await kube.list_all(resources.CONFIGMAPS, namespace)
    for item in items:
        del item["metadata"]["managedFields"]
    return {(namespace, item["metadata"]["name"]): item for item in items}


async def cut(proxy):
    await proxy.cut()


async def silent(proxy):
    proxy.go_silent()


async def stalled(proxy):
    proxy.stall()
    proxy.reset_watches()


def answering(status, headers=None, body=""):
    async def fault(proxy):
        proxy.answer(status, body, times=3, headers=headers)
        proxy.reset_watches()

    return fault


async def watch_refused_with_410(proxy):
    proxy.answer(410, json.dumps({"kind": "Status", "code": 410, "reason": "Expired"}), matches=lambda r: r.is_watch)
    proxy.reset_watches()


async def garbage_in_the_stream(proxy):
    proxy.inject(b"<html>the gateway is having a bad day</html>\n")
    proxy.go_silent()


async def half_a_line_then_the_end(proxy):
    proxy.inject(b'{"type":"ADDED","object":{"meta')
    proxy.end_watches()


FAULTS = {
    "every connection reset, new ones refused": cut,
    "half-open: the watch stays open and says nothing": silent,
    "requests taken and not answered": stalled,
    "410 to the watch request": watch_refused_with_410,
    "410 to list and watch": answering(410),
    "429 with Retry-After": answering(429, {"Retry-After": "1"}),
    "500": answering(500),
    "503 from a load balancer": answering(503, body="<html>no backend</html>"),
    "403 for a while": answering(403),
    "404 for a while": answering(404),
    "200 with a page of HTML": answering(200, body="<html>log in to the network</html>"),
    "a line that is no event": garbage_in_the_stream,
    "an end in the middle of a line": half_a_line_then_the_end,
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_after_the_fault_it_holds_what_the_server_holds(kube, proxied, proxy, namespace, fault):
    await seed(kube, namespace)
    async with Mirror(proxied, namespace, inactivity_timeout=0.8).running() as mirror:
        await eventually(lambda: proxy.watches == 1)
        assert set(mirror.values.values()) == {"before"}

        await fault(proxy)
        await change_everything(kube, namespace)
        await proxy.restore()

        await eventually(lambda: mirror.values == AFTER, saying=lambda: (mirror.values, mirror.reflector.last_error))
        assert mirror.reflector.objects == await held_by_server(kube, namespace)
        assert mirror.told("deleted") == ["ADDED", "DELETED"]
        assert mirror.told("changed") == ["ADDED", "MODIFIED"]
        assert mirror.told("created") == ["ADDED"]
        assert mirror.told("kept") == ["ADDED"]


async def test_without_faults_every_change_arrives_by_the_watch_alone(kube, proxied, proxy, namespace):
    await seed(kube, namespace)
    async with Mirror(proxied, namespace).running() as mirror:
        await eventually(lambda: proxy.watches == 1)
        await change_everything(kube, namespace)

        await eventually(lambda: mirror.values == AFTER)
        assert mirror.reflector.objects == await held_by_server(kube, namespace)
        # A first list that a busy server put off may have been a failure; events alone must have done the rest.
        counters = mirror.reflector.counters
        assert (counters.relists, counters.reconnects, counters.gone) == (1, 0, 0)
        assert mirror.reflector.state is reflector.State.WATCHING
        assert mirror.reflector.silence() < 5


async def test_a_410_inside_the_stream_is_counted_and_leads_to_a_new_list(kube, proxied, proxy, namespace):
    await seed(kube, namespace)
    async with Mirror(proxied, namespace).running() as mirror:
        await eventually(lambda: proxy.watches == 1)
        proxy.rewrite = lambda _line: []
        await change_everything(kube, namespace)
        proxy.rewrite = lambda line: [line]
        expired = {"kind": "Status", "status": "Failure", "code": 410, "reason": "Expired", "message": "too old"}
        proxy.inject(json.dumps({"type": "ERROR", "object": expired}).encode() + b"\n")

        await eventually(lambda: mirror.values == AFTER)
        assert mirror.reflector.counters.gone == 1
        assert mirror.reflector.counters.relists == 2


async def test_a_regular_end_of_the_watch_goes_on_without_a_new_list(kube, proxied, proxy, namespace):
    await seed(kube, namespace)
    async with Mirror(proxied, namespace).running() as mirror:
        await eventually(lambda: proxy.watches == 1)
        await kube.merge_patch(resources.CONFIGMAPS, "kept", {"data": {"value": "again"}}, namespace)
        await eventually(lambda: mirror.values["kept"] == "again")
        proxy.end_watches()
        await eventually(lambda: mirror.reflector.counters.reconnects == 1)
        await change_everything(kube, namespace)

        await eventually(lambda: mirror.values == AFTER | {"kept": "again"})
        assert mirror.reflector.counters.relists == 1
        assert mirror.reflector.counters.dropped_events == 0


async def test_a_silent_watch_is_opened_anew_from_where_it_was_without_a_new_list(kube, proxied, proxy, namespace):
    await seed(kube, namespace)
    async with Mirror(proxied, namespace, inactivity_timeout=0.5).running() as mirror:
        await eventually(lambda: proxy.watches == 1)
        proxy.go_silent()
        await change_everything(kube, namespace)

        await eventually(lambda: mirror.values == AFTER)
        assert mirror.reflector.counters.silences >= 1
        assert mirror.reflector.counters.relists == 1
        assert mirror.reflector.counters.failures == 0


async def test_duplicated_events_are_dropped_and_reported_once(kube, proxied, proxy, namespace):
    proxy.rewrite = lambda line: [line, line]
    await seed(kube, namespace)
    # Without the ConfigMap that the controller manager puts into each namespace, whenever it gets to it.
    async with Mirror(proxied, namespace, label_selector="made-by=this-test").running() as mirror:
        await eventually(lambda: proxy.watches == 1)
        await change_everything(kube, namespace)

        counters = mirror.reflector.counters
        await eventually(
            lambda: mirror.values == AFTER and counters.dropped_events == 3, saying=lambda: (mirror.values, counters)
        )
        assert mirror.told("deleted") == ["ADDED", "DELETED"]
        assert mirror.told("changed") == ["ADDED", "MODIFIED"]


async def test_an_event_that_comes_late_neither_reverts_nor_resurrects(kube, proxied, proxy, namespace):
    said = []

    def remember(line):
        said.append(line)
        return [line]

    proxy.rewrite = remember
    await seed(kube, namespace)
    async with Mirror(proxied, namespace).running() as mirror:
        await eventually(lambda: proxy.watches == 1)
        for value in ("1", "2"):
            await kube.merge_patch(resources.CONFIGMAPS, "changed", {"data": {"value": value}}, namespace)
            await kube.merge_patch(resources.CONFIGMAPS, "deleted", {"data": {"value": value}}, namespace)
        await change_everything(kube, namespace)
        await eventually(lambda: mirror.values == AFTER)
        late = list(said)
        for line in reversed(late):
            proxy.inject(line)

        await eventually(lambda: mirror.reflector.counters.dropped_events == len(late))
        assert mirror.values == AFTER
        assert mirror.reflector.objects == await held_by_server(kube, namespace)


async def test_events_in_the_wrong_order_still_give_the_right_objects(kube, proxied, proxy, namespace):
    waiting = []

    def swapped(line):
        if (
            b"kube-root-ca.crt" in line
        ):  # the controller manager's, at a time of its own: it would leave one of ours without a pair
            return [line]
        waiting.append(line)
        if len(waiting) < 2:
            return []
        return [waiting.pop(), waiting.pop()]

    proxy.rewrite = swapped
    await seed(kube, namespace)
    async with Mirror(proxied, namespace).running() as mirror:
        await eventually(lambda: proxy.watches == 1)
        await kube.merge_patch(resources.CONFIGMAPS, "deleted", {"data": {"value": "last"}}, namespace)
        await change_everything(kube, namespace)

        await eventually(lambda: mirror.values == AFTER)
        assert mirror.reflector.objects == await held_by_server(kube, namespace)


async def test_an_event_that_was_lost_without_a_trace_is_found_by_the_next_list(kube, proxied, proxy, namespace):
    await seed(kube, namespace)
    proxy.rewrite = lambda _line: []
    async with Mirror(proxied, namespace, relist_interval=1.0).running() as mirror:
        await eventually(lambda: proxy.watches == 1)
        await change_everything(kube, namespace)

        await eventually(lambda: mirror.values == AFTER)
        assert mirror.reflector.counters.failures == 0


async def test_an_object_recreated_under_its_name_is_reported_as_another(kube, proxied, proxy, namespace):
    await seed(kube, namespace)
    async with Mirror(proxied, namespace).running() as mirror:
        await eventually(lambda: proxy.watches == 1)
        await proxy.cut()
        await kube.delete(resources.CONFIGMAPS, "kept", namespace)
        await kube.create(resources.CONFIGMAPS, configmap(namespace, "kept", "another"))
        await proxy.restore()

        await eventually(lambda: mirror.values["kept"] == "another")
        assert mirror.told("kept") == ["ADDED", "DELETED", "ADDED"]


async def test_a_continue_token_that_expires_in_the_middle_begins_the_list_anew(kube, proxied, proxy, namespace):
    await seed(kube, namespace)
    proxy.answer(
        410, json.dumps({"kind": "Status", "reason": "Expired"}), matches=lambda seen: "continue" in seen.query
    )
    async with Mirror(proxied, namespace, page_size=2).running() as mirror:
        await mirror.reflector.wait_synced(10)

        assert mirror.reflector.objects == await held_by_server(kube, namespace)
        assert mirror.reflector.counters.gone == 0
        first_pages = proxy.count(lambda seen: seen.is_list and "continue" not in seen.query)
        assert first_pages == 2


async def test_retry_after_is_honoured(proxied, proxy, namespace):
    proxy.answer(429, headers={"Retry-After": "1"})
    async with Mirror(proxied, namespace).running() as mirror:
        started = time.monotonic()
        await mirror.reflector.wait_synced(10)

        assert time.monotonic() - started >= 1.0
        assert isinstance(mirror.reflector.last_error, errors.TooManyRequests)


async def test_it_is_not_synced_before_a_complete_list_and_says_why(proxied, proxy, namespace):
    await proxy.cut()
    async with Mirror(proxied, namespace).running() as mirror:
        with pytest.raises(errors.NotSynced, match=r"configmaps in 0\.3 s: cannot reach .*: connection refused"):
            await mirror.reflector.wait_synced(0.3)
        assert not mirror.reflector.synced.is_set()


async def test_watches_that_end_as_soon_as_they_begin_are_not_asked_for_in_a_tight_loop(proxied, proxy, namespace):
    proxy.answer(200, "", matches=lambda seen: seen.is_watch, times=1000)
    slow = backoff.Backoff(base=0.1, cap=5.0, settled=60.0, jitter=lambda: 0.0)
    async with Mirror(proxied, namespace, pauses=slow).running() as mirror:
        started = time.monotonic()
        await eventually(lambda: mirror.reflector.counters.failures == 4)

        assert time.monotonic() - started >= 0.1 + 0.2 + 0.4


async def test_a_failing_listener_ends_it(proxied, namespace, kube):
    def broken(_change):
        raise LookupError("a bug in the listener")

    await seed(kube, namespace)
    deaf = reflector.Reflector(proxied, resources.CONFIGMAPS, namespace=namespace, on_change=broken)
    with pytest.raises(LookupError, match="a bug in the listener"):
        await deaf.run()
    assert deaf.state is reflector.State.STOPPED


async def test_selectors_make_an_object_that_leaves_them_a_deleted_one(kube, proxied, proxy, namespace):
    labelled = configmap(namespace, "kept", "before")
    labelled["metadata"]["labels"] = {"seen": "yes"}
    await kube.create(resources.CONFIGMAPS, labelled)
    async with Mirror(proxied, namespace, label_selector="seen=yes").running() as mirror:
        await eventually(lambda: proxy.watches == 1)
        await kube.merge_patch(resources.CONFIGMAPS, "kept", {"metadata": {"labels": {"seen": "no"}}}, namespace)
        await eventually(lambda: mirror.values == {})
        await kube.merge_patch(resources.CONFIGMAPS, "kept", {"metadata": {"labels": {"seen": "yes"}}}, namespace)

        await eventually(lambda: mirror.values == {"kept": "before"})
        assert mirror.told("kept") == ["ADDED", "DELETED", "ADDED"]


async def test_it_works_through_tls_as_well(kube, kube_config, namespace):
    await seed(kube, namespace)
    async with (
        fault_proxy.FaultProxy(kube_config, tls=True).running() as proxy,
        client.Client(proxy.config) as secured,
        Mirror(secured, namespace).running() as mirror,
    ):
        await eventually(lambda: proxy.watches == 1)
        await proxy.cut()
        await change_everything(kube, namespace)
        await proxy.restore()

        await eventually(lambda: mirror.values == AFTER)


async def test_a_crowd_of_objects_is_mirrored_through_pages_and_events(kube, proxied, proxy, namespace):
    for number in range(30):
        await kube.create(resources.CONFIGMAPS, configmap(namespace, f"listed-{number}", "before"))
    async with Mirror(proxied, namespace, page_size=7).running() as mirror:
        await eventually(lambda: proxy.watches == 1)
        writes = [kube.create(resources.CONFIGMAPS, configmap(namespace, f"seen-{n}", "after")) for n in range(30)]
        writes += [kube.delete(resources.CONFIGMAPS, f"listed-{n}", namespace) for n in range(0, 30, 2)]
        await asyncio.gather(*writes)
        expected = await held_by_server(kube, namespace)

        await eventually(lambda: mirror.reflector.objects == expected)
        # A first list that a busy server put off may have been a failure; events alone must have done the rest.
        counters = mirror.reflector.counters
        assert (counters.relists, counters.reconnects, counters.gone) == (1, 0, 0)
