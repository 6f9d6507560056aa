"""Whose time holds: the database's, moved by nothing that a replica's clock does."""

from datetime import timedelta

import pytest

from omaha_api.store.database import Moment
from omaha_api.store.postgres.timekeeping import DatabaseClock, OwnClock
from support.fleet_store_actions import HOUR, SECOND
from support.fleet_values import NOW
from support.sqlite_stores import StoreClock


@pytest.fixture
def clock():
    clock = StoreClock()
    clock.now = NOW
    return clock


@pytest.mark.parametrize("off", [timedelta(0), 3 * HOUR, -3 * HOUR], ids=["right", "behind", "ahead"])
def test_present_is_what_the_database_tells(clock, off):
    moment = DatabaseClock(clock).moment(NOW + off)

    assert (moment.at, moment.now(clock.now - SECOND)) == (NOW + off, NOW + off)


@pytest.mark.parametrize("off", [timedelta(0), 3 * HOUR, -3 * HOUR], ids=["right", "behind", "ahead"])
def test_what_was_noted_earlier_is_moved_by_the_difference(clock, off):
    moment = DatabaseClock(clock).moment(NOW + off)

    assert moment.of(NOW - 5 * SECOND) == NOW + off - 5 * SECOND


def test_nothing_was_noted_in_the_future(clock):
    """A replica's clock that was ahead, and was put right since, wrote down what the database hasn't come to yet."""
    moment = DatabaseClock(clock).moment(NOW)

    assert moment.of(NOW + HOUR) == NOW


def test_time_of_a_question_is_the_databases_as_far_as_it_is_known(clock):
    database = DatabaseClock(clock)
    before = database.database_time(NOW)
    database.moment(NOW + HOUR)

    assert (before, database.database_time(NOW)) == (NOW, NOW + HOUR)


def test_jump_of_a_clock_is_logged_once(clock, caplog):
    database = DatabaseClock(clock)
    for _ in range(3):
        database.moment(clock.now + SECOND)
    assert caplog.text == ""

    clock.now -= HOUR
    for _ in range(3):
        database.moment(clock.now + HOUR)

    (record,) = caplog.records
    assert "3600 s ahead of this machine's, 3599 s more than before" in record.getMessage()


def test_one_clock_needs_no_other(clock):
    moment = OwnClock(clock).moment(NOW + HOUR)

    assert moment == Moment(NOW)
    assert (moment.now(NOW - SECOND), moment.of(NOW + SECOND)) == (NOW - SECOND, NOW + SECOND)
