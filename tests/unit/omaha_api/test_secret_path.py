"""Where the path is a secret, whoever doesn't know it finds nothing, and whoever does is served as ever."""

import pytest

from support import omaha_fleet
from support.omaha_service import OmahaService

SECRET = "c0ffee00c0ffee00c0ffee00"
BODY = omaha_fleet.check(omaha_fleet.APP_ID)


@pytest.fixture
async def hidden(store):
    return await OmahaService(store, secret_path=SECRET).start(omaha_fleet.fleet(omaha_fleet.APP_ID))


@pytest.mark.parametrize("path", [f"/v1/update/{SECRET}/", f"/v1/update/{SECRET}"])
async def test_the_secret_path_is_answered(hidden, path):
    assert (await hidden.post(BODY, path=path)).answer == "1.1.0"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/update/",
        "/v1/update",
        "/",
        "",
        f"/v1/update/{SECRET[:-1]}/",
        f"/v1/update/{SECRET}0/",
        f"/v1/update/{SECRET.upper()}/",
        f"/v1/update/{SECRET}//",
        f"/v1/update/{SECRET}/more",
        f"/{SECRET}/",
        "/v1/update/\udcff\u00e9/",
    ],
)
async def test_nothing_else_is_and_nothing_tells_of_it(hidden, store, path):
    reply = await hidden.post(BODY, path=path)

    assert (reply.status, reply.body) == (404, b"there is nothing here\n")
    assert store.instances == {}


async def test_settings_dont_show_it(hidden):
    assert SECRET not in repr(hidden.settings)
