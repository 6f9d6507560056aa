"""Who is heard, or gets an update, between the look for silent instances and their removal stays."""

import contextlib

import pytest

from omaha_api.store import retiring
from omaha_api.store.sqlite import connections
from support.fleet_store_actions import HOUR, granted
from support.fleet_values import APP_ID, NOW, sighting
from support.sqlite_stores import connect_carelessly, made


@pytest.fixture
async def connection(tmp_path):
    """To a file with three instances: heard at NOW, granted an update at NOW, and silent for an hour."""
    store = made(tmp_path / "fleet.db", connect_carelessly)
    await store.open()
    await store.observe(sighting("heard"), None)
    await store.observe(sighting("granted", at=NOW - HOUR), None)
    await granted(store, "granted", at=NOW - HOUR)
    await store.observe(sighting("silent", at=NOW - HOUR), None)
    await store.close()
    with contextlib.closing(connections.connect(tmp_path / "fleet.db")) as connection:
        yield connection


def test_only_who_is_still_silent_is_removed(connection):
    names = ["heard", "granted", "silent", "never there"]

    assert retiring.retire(connection, APP_ID, names, NOW, NOW) == ["silent"]
