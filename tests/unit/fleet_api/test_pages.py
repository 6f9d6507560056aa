"""Lists, page by page, on a real store: nothing twice, nothing left out, and no page that takes for ever."""

import asyncio
import base64
import dataclasses
import itertools
import json

import pytest

from omaha_api.fleet_api import app
from omaha_api.fleet_api.api import Effort
from support import watched_fleet
from support.fleet_requests import PARTIAL_LIST, TABLE, ask
from support.fleet_values import APP_ID, NEW, OLD
from update_core.fleet.attributes import Attributes

OTHER_APP = "5d9d8f9c-1f3b-4f3d-8a52-0b7c2a4f1e11"


@pytest.fixture
async def fleet(tmp_path):
    """25 instances of two applications in `team`, half of them on NEW, a third with an OEM; one of a third application elsewhere."""
    async with watched_fleet.opened(tmp_path / "fleet.db") as opened:
        await opened.place(
            watched_fleet.placement(stable="app-stable", beta="app-beta"),
            watched_fleet.placement(OTHER_APP, application="web", stable="web-stable"),
            watched_fleet.placement("com.example.third", namespace="other", application="third"),
        )
        for number in range(25):
            await opened.see(
                f"machine-{number:02}",
                NEW if number % 2 else OLD,
                app_id=OTHER_APP if number >= 20 else APP_ID,
                track="beta" if number in {3, 4} else "stable",
                attributes=Attributes(oem="qemu" if number % 3 == 0 else ""),
            )
        await opened.see("elsewhere", app_id="com.example.third")
        yield opened


@pytest.fixture
def serve(fleet):
    return app.create(fleet.api)


def with_effort(fleet, **effort):
    """The application, where requests may take only so much."""
    return app.create(dataclasses.replace(fleet.api, effort=Effort(**effort)))


async def pages(serve, query, *, accept="application/json"):
    """The names on each page, from the first to the last."""
    found, token = [], ""
    for _ in range(100):
        answer = await ask(serve, f"{query}&continue={token}" if token else query, accept=accept)
        assert answer.status == 200, answer.body
        found.append(answer.names)
        token = answer.next
        if not token:
            return found
    raise AssertionError("the list has no end")


async def test_pages_put_together_are_the_list(serve):
    whole = (await ask(serve, "namespaces/team/instances")).names

    assert len(whole) == len(set(whole)) == 25
    for limit in (1, 7, 20, 24, 25, 26):
        parts = await pages(serve, f"namespaces/team/instances?limit={limit}")
        assert list(itertools.chain(*parts)) == whole
        # No empty page at the end, as long as nothing is left out.
        assert [len(part) for part in parts[:-1]] == [limit] * (len(parts) - 1)
        assert parts[-1]


async def test_all_namespaces_are_listed_in_their_order(serve):
    answer = await ask(serve, "instances")

    places = [(item["metadata"]["namespace"], item["spec"]["application"]) for item in answer.json["items"]]
    assert places == [("other", "third")] + [("team", "app")] * 20 + [("team", "web")] * 5
    assert list(itertools.chain(*await pages(serve, "instances?limit=4"))) == answer.names


SELECTIONS = {
    "everything": ("", lambda item: True),
    "a name": ("fieldSelector=metadata.name={name}", lambda item: item["spec"]["instanceId"] == "machine-07"),
    "an id": ("fieldSelector=spec.instanceId=machine-07", lambda item: item["spec"]["instanceId"] == "machine-07"),
    "a group": ("fieldSelector=spec.group=app-beta", lambda item: item["spec"]["track"] == "beta"),
    "not a group": ("fieldSelector=spec.group!=app-stable", lambda item: item["spec"]["group"] != "app-stable"),
    "no group": ("fieldSelector=spec.group=", lambda item: item["spec"]["group"] == ""),
    "a track": ("fieldSelector=spec.track=beta", lambda item: item["spec"]["track"] == "beta"),
    "an application": ("fieldSelector=spec.application=web", lambda item: item["spec"]["application"] == "web"),
    "a namespace": ("fieldSelector=metadata.namespace=other", lambda item: item["metadata"]["namespace"] == "other"),
    "a version": (f"fieldSelector=status.version={NEW}", lambda item: item["status"]["version"] == NEW),
    "a version and a group": (
        f"fieldSelector=status.version={NEW},spec.group=app-stable",
        lambda item: (item["status"]["version"], item["spec"]["group"]) == (NEW, "app-stable"),
    ),
    "a state": ("fieldSelector=status.state=Idle", lambda item: True),
    "a state that nobody has": ("fieldSelector=status.state=Failed", lambda item: False),
    "what can't be": ("fieldSelector=spec.track=beta,spec.track=stable", lambda item: False),
    "a label": (
        "labelSelector=fleet.updateservice.dev/oem%3Dqemu",
        lambda item: item["spec"]["attributes"].get("oem") == "qemu",
    ),
    "without a label": (
        "labelSelector=!fleet.updateservice.dev/oem",
        lambda item: "oem" not in item["spec"]["attributes"],
    ),
}


@pytest.mark.parametrize(("selection", "wanted"), SELECTIONS.values(), ids=SELECTIONS)
async def test_a_selection_has_those_that_it_names_whole_and_page_by_page(serve, selection, wanted):
    everything = (await ask(serve, "instances")).json["items"]
    name = next(i["metadata"]["name"] for i in everything if i["spec"]["instanceId"] == "machine-07")
    expected = [item["metadata"]["name"] for item in everything if wanted(item)]
    query = f"instances?{selection.format(name=name)}"

    assert (await ask(serve, query)).names == expected
    for limit in (1, 3):
        assert list(itertools.chain(*await pages(serve, f"{query}&limit={limit}"))) == expected


async def test_every_page_carries_the_first_ones_resource_version(serve, fleet):
    first = await ask(serve, "instances?limit=10")
    await fleet.see("machine-99")
    second = await ask(serve, f"instances?limit=10&continue={first.next}")

    assert second.json["metadata"]["resourceVersion"] == first.json["metadata"]["resourceVersion"]
    assert (await ask(serve, "instances?limit=10")).json["metadata"]["resourceVersion"] == str(await fleet.version())


async def test_what_comes_and_goes_between_pages_leaves_the_others_in_their_places(serve, fleet):
    before = (await ask(serve, "namespaces/team/instances")).names
    first = await ask(serve, "namespaces/team/instances?limit=12")
    for number in range(40, 60):
        await fleet.see(f"machine-{number}")
    await fleet.store.forget(APP_ID, "machine-00", fleet.now)
    rest = await pages(serve, f"namespaces/team/instances?limit=5&continue={first.next}")

    seen = first.names + list(itertools.chain(*rest))
    assert len(seen) == len(set(seen))
    assert set(before) - set(seen) <= {name for name in before if "machine-00" in name}


async def test_a_token_goes_on_after_a_restart(serve, fleet, tmp_path):
    expected = (await ask(serve, "instances")).names
    first = await ask(serve, "instances?limit=9")
    await fleet.store.close()
    async with watched_fleet.opened(tmp_path / "fleet.db") as again:
        second = await ask(app.create(again.api), f"instances?limit=100&continue={first.next}")
    await fleet.store.open()

    assert first.names + second.names == expected


async def test_a_list_that_was_begun_in_another_store_has_expired(serve, fleet, tmp_path):
    token = (await ask(serve, "instances?limit=9")).next
    values = json.loads(base64.urlsafe_b64decode(token + "=="))
    values[1] -= 1 << 40
    other = base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")

    answer = await ask(serve, f"instances?limit=9&continue={other}")

    assert (answer.status, answer.json["reason"]) == (410, "Expired")


@pytest.mark.parametrize(
    "token",
    ["x", "!!!", "e30", base64.urlsafe_b64encode(b'[1,"x","","","",""]').decode(), base64.urlsafe_b64encode(b"[2]").decode()],
    ids=["a letter", "no base64", "another JSON", "wrong types", "another version"],
)  # fmt: skip
async def test_a_token_that_cant_be_read_is_a_bad_request(serve, token):
    answer = await ask(serve, f"instances?limit=9&continue={token}")

    assert (answer.status, answer.json["reason"]) == (400, "BadRequest")
    assert "from the beginning" in answer.json["message"]


async def test_a_selector_that_leaves_out_nearly_everything_gets_short_pages(fleet):
    serve = with_effort(fleet, chunk=4, scan_seconds=0.0)
    query = "namespaces/team/instances?limit=100&labelSelector=fleet.updateservice.dev/oem%3Dqemu"

    parts = await pages(serve, query)

    assert len(parts) > 3
    assert any(not part for part in parts) or max(map(len, parts)) < 4
    assert len(list(itertools.chain(*parts))) == 9
    assert not any(await pages(serve, query.replace("qemu", "nobody")))
    # Who names no limit gets all of it, however long that takes.
    assert len((await ask(serve, query.replace("limit=100&", ""))).names) == 9


@pytest.mark.parametrize("accept", ["application/json", TABLE, PARTIAL_LIST], ids=["objects", "table", "metadata"])
async def test_a_list_without_a_limit_is_sent_in_pieces_and_is_whole(serve, fleet, accept):
    whole = (await ask(serve, "instances?limit=1000", accept=accept)).json

    assert (await ask(with_effort(fleet, chunk=4), "instances", accept=accept)).json == whole


async def test_no_page_is_larger_than_the_service_likes(fleet):
    answer = await ask(with_effort(fleet, max_limit=6, whole_up_to=25), "instances?limit=999999999")

    assert len(answer.names) == 6
    assert answer.next


@pytest.mark.parametrize("accept", ["application/json", TABLE], ids=["objects", "table"])
async def test_kubectls_pages_of_500_are_one_where_the_fleet_is_small(serve, fleet, accept):
    await asyncio.gather(*(fleet.see(f"other-{number}") for number in range(595)))

    # In pages of 300 as they are asked for; in those of 500 that everybody asks for, and larger ones, at once.
    smaller = await pages(serve, "namespaces/team/instances?limit=300", accept=accept)
    assert [len(page) for page in smaller] == [300, 300, 20]
    for limit in (500, 600):
        (whole,) = await pages(serve, f"namespaces/team/instances?limit={limit}", accept=accept)
        assert whole == (await ask(serve, "namespaces/team/instances", accept=accept)).names
        assert len(whole) == 620
    # Pieces of a list that was begun in small ones are as large as they are asked for.
    first = await ask(serve, "namespaces/team/instances?limit=20")
    second = await pages(serve, f"namespaces/team/instances?limit=500&continue={first.next}")
    assert [len(page) for page in second] == [500, 100]


SIZES = {
    "no more than are sent at once": ("namespaces/team/instances", 25, [25]),
    "one more": ("namespaces/team/instances", 24, [10, 10, 5]),
    "of all namespaces together": ("instances", 25, [10, 10, 6]),
    "few of many": (f"namespaces/team/instances?fieldSelector=status.version={NEW}", 24, [10, 2]),
    "nobody anywhere": ("namespaces/empty/instances", 0, [0]),
}


@pytest.mark.parametrize(("path", "bound", "sizes"), SIZES.values(), ids=SIZES)
async def test_a_large_fleet_comes_in_pages_whatever_is_selected_of_it(fleet, path, bound, sizes):
    serve = with_effort(fleet, ample_limit=10, whole_up_to=bound)

    found = await pages(serve, f"{path}{'&' if '?' in path else '?'}limit=10")

    assert [len(page) for page in found] == sizes


VERSIONS = {
    "newest": ("", 200),
    "any": ("resourceVersion=0", 200),
    "not older than now": ("resourceVersion={now}&resourceVersionMatch=NotOlderThan", 200),
    "not older than before": ("resourceVersion={before}", 200),
    "exactly now": ("resourceVersion={now}&resourceVersionMatch=Exact", 200),
    "exactly before": ("resourceVersion={before}&resourceVersionMatch=Exact", 410),
    "of the future": ("resourceVersion={future}", 504),
    "exactly of the future": ("resourceVersion={future}&resourceVersionMatch=Exact", 504),
    "exactly any": ("resourceVersion=0&resourceVersionMatch=Exact", 400),
    "a match of nothing": ("resourceVersionMatch=Exact", 400),
    "another match": ("resourceVersion={now}&resourceVersionMatch=Roughly", 400),
    "no number": ("resourceVersion=new", 400),
}


@pytest.mark.parametrize(("query", "status"), VERSIONS.values(), ids=VERSIONS)
@pytest.mark.parametrize("plural", ["instances", "groupprogresses"])
async def test_a_list_of_a_version_is_answered_as_kubernetes_answers_it(serve, fleet, plural, query, status):
    now = await fleet.version()

    answer = await ask(serve, f"{plural}?{query.format(now=now, before=now - 1, future=now + 1)}")

    assert answer.status == status, answer.body
    if status == 504:
        assert answer.json["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


async def test_progresses_have_pages_too(serve, fleet):
    await fleet.count(18)
    await fleet.count(2, track="beta")
    await fleet.count(5, app_id=OTHER_APP)
    whole = (await ask(serve, "groupprogresses")).names

    assert whole == ["app-beta", "app-stable", "web-stable"]
    assert await pages(serve, "groupprogresses?limit=2") == [whole[:2], whole[2:]]
    assert (await ask(serve, "groupprogresses?fieldSelector=spec.track=beta")).names == ["app-beta"]
    assert (await ask(serve, "namespaces/other/groupprogresses")).names == []
    assert (await ask(serve, "namespaces/team/groupprogresses/app-beta")).json["status"]["instances"]["total"] == 2


async def test_progresses_are_shown_once_they_have_been_counted(fleet):
    uncounted = app.create(dataclasses.replace(fleet.api, counted=lambda: False))
    await fleet.count(18)

    for path in ("groupprogresses", "groupprogresses?watch=true", "namespaces/team/groupprogresses/app-stable"):
        answer = await ask(uncounted, path)
        assert (answer.status, answer.json["reason"], answer.headers["retry-after"]) == (503, "ServiceUnavailable", "1")
    assert (await ask(uncounted, "instances")).status == 200
