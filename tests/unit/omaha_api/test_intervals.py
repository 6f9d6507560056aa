"""When instances come next: what their group says, in the words of those that listen."""

import json

import pytest

from support import cup_keys
from support import omaha_fleet as fleet
from support.omaha_service import OmahaService
from update_core.omaha import scan30, xml30

APP = fleet.APP_ID
OTHER_APP = "io.example.other"
UP_TO_DATE = fleet.check(APP, version="1.1.0")


def polled(reply):
    (app,) = reply.apps()
    check = app.find("updatecheck")
    return None if check is None else check.get("PollInterval")


async def serving(store, **group):
    return await OmahaService(store).start(fleet.fleet(APP, **group))


def shortly(omaha, body):
    """What the shortcut for steady checks answers."""
    forms = scan30.Forms()
    forms.learn(body, xml30.read_request(body))
    return omaha.service.steady.answer(forms.scan(body))


@pytest.mark.parametrize("body", [fleet.check(APP), UP_TO_DATE], ids=["offer", "noupdate"])
async def test_a_check_is_told_when_to_come_next(store, body):
    omaha = await serving(store, pollIntervalSeconds=3600)

    assert polled(await omaha.post(body)) == "3600"


async def test_who_asks_for_no_update_is_not_told(store):
    omaha = await serving(store, pollIntervalSeconds=3600)

    assert b"PollInterval" not in (await omaha.post(fleet.event(APP, "m", 13))).body


async def test_a_group_that_says_nothing_takes_its_applications_interval(store):
    objects = fleet.fleet(APP)
    objects[0]["spec"]["pollIntervalSeconds"] = 7200
    omaha = await OmahaService(store).start(objects)

    reply = await omaha.post(UP_TO_DATE)

    assert (polled(reply), "x-retry-after" in reply.headers) == ("7200", False)


async def test_a_steady_check_is_told_the_same(store):
    omaha = await serving(store, pollIntervalSeconds=3600, retryAfterSeconds=600)
    long = await omaha.post(UP_TO_DATE)

    body, headers = shortly(omaha, UP_TO_DATE)

    assert (body, polled(long)) == (long.body, "3600")
    assert dict(headers) == {b"x-retry-after": b"600"}
    assert long.headers["x-retry-after"] == "600"


async def test_a_change_is_followed_at_once(store):
    omaha = await serving(store, pollIntervalSeconds=3600, retryAfterSeconds=600)
    for _ in range(2):
        await omaha.post(UP_TO_DATE)

    omaha.put(*fleet.fleet(APP))
    reply = await omaha.post(UP_TO_DATE)

    assert (polled(reply), "x-retry-after" in reply.headers) == (None, False)


@pytest.mark.parametrize(
    ("waits", "expected"),
    [((600, 60), "600"), ((60, 600), "600"), ((None, 60), "60"), ((None, None), None)],
    ids=["the first's", "the second's", "one alone", "none"],
)
@pytest.mark.parametrize("protocol", ["3.0", "3.1", "4.0"])
async def test_of_several_applications_the_longest_rest_counts(store, waits, expected, protocol):
    objects = []
    for app_id, name, wait in ((APP, "app", waits[0]), (OTHER_APP, "other", waits[1])):
        payload = fleet.package("1.1.0", app=name)
        spec = {} if wait is None else {"retryAfterSeconds": wait}
        group = fleet.group(name=f"{name}-g", app=name, channel=f"{name}-c", **spec)
        channel = fleet.channel("1.1.0", name=f"{name}-c", app=name)
        objects += [fleet.application(app_id, name=name), channel, payload, fleet.stamped(group, payload)]
    omaha = await OmahaService(store).start(objects)
    asked = [
        {"appid": app_id, "version": "1.1.0", "track": "fake1", "machineid": "m", "updatecheck": {}}
        for app_id in ("io.example.nobody", APP, OTHER_APP)
    ]

    body = {"request": {"protocol": protocol, "apps" if protocol == "4.0" else "app": asked}}
    reply = await omaha.post(json.dumps(body).encode())

    assert reply.headers.get("x-retry-after") == expected
    assert "retry-after" not in reply.headers


@pytest.mark.parametrize("signed", [False, True], ids=["plain", "signed"])
async def test_who_is_put_off_is_told_for_how_long_in_both_words(store, signed, tmp_path):
    keys = cup_keys.MountedSecret(tmp_path / "keys", k7=cup_keys.pem()).folder
    omaha = await OmahaService(store, cup_keys_dir=keys).start(fleet.fleet(APP))
    await omaha.post(fleet.check(APP))
    store.away = True

    reply = await omaha.post(fleet.event(APP, "{fake-client-000}", 13), query="cup2key=7:1" if signed else "")

    assert (reply.status, reply.headers["retry-after"], reply.headers["x-retry-after"]) == (503, "10", "10")
    assert ("etag" in reply.headers) is signed
