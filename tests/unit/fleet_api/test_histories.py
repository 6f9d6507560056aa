"""What became of an instance's updates: every move with what the instance said of it, the latest where there are too many."""

import pytest

from support import omaha_fleet
from support.fleet_desk import FleetDesk
from update_core.resources.fleet.history import MAX_MOVES, InstanceHistory, Move

APP = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"
ONE = "{machine-one}"


@pytest.fixture
async def desk(tmp_path):
    desk = await FleetDesk(tmp_path / "fleet.db", APP).start()
    yield desk
    await desk.close()


async def moves(desk) -> list[Move]:
    return InstanceHistory.parse(await desk.get(ONE, "history")).moves


async def test_each_move_says_when_of_which_update_and_why(desk):
    await desk.check(ONE)
    desk.clock.advance(5)
    await desk.omaha.post(omaha_fleet.event(APP, ONE, 13))
    failure = '<event eventtype="3" eventresult="0" errorcode="44"/>'
    await desk.omaha.post(omaha_fleet.check(APP, ONE, inner=failure))
    desk.clock.advance(60)
    await desk.check(ONE)

    told = await moves(desk)

    assert [(move.number, move.from_state, move.to_state) for move in told] == [
        (1, "", "Granted"),
        (1, "Granted", "Downloading"),
        (1, "Downloading", "Failed"),
        (2, "", "Granted"),
    ]
    assert {(move.version, move.sequence, move.track) for move in told} == {("1.1.0", 1, "fake1")}
    assert (told[2].error_code, told[2].detail) == (44, "RolledBack")
    assert (told[1].time - told[0].time).total_seconds() == 5


async def test_of_very_many_moves_the_latest_are_told_oldest_first(desk):
    for _ in range(MAX_MOVES // 2 + 5):
        await desk.check(ONE)
        await desk.create(ONE, "reset")

    told = await moves(desk)

    assert len(told) == MAX_MOVES
    assert (told[0].number, told[0].to_state) == (6, "Granted")
    assert (told[-1].number, told[-1].to_state) == (MAX_MOVES // 2 + 5, "Forgotten")
