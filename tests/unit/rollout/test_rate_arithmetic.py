"""The rate limit's arithmetic: the one grant whose age decides, and the instant at which it lets the next one through."""

from datetime import timedelta

import pytest

from support.fleet_values import NOW
from update_core.rollout import limits
from update_core.rollout.model import Limits


@pytest.mark.parametrize(
    ("next_number", "max_updates", "number"),
    [
        pytest.param(1, 1, None, id="first of one"),
        pytest.param(2, 1, 1, id="second of one"),
        pytest.param(2, 2, None, id="second of two"),
        pytest.param(3, 2, 1, id="third of two"),
        pytest.param(1000, 10, 990, id="late"),
        pytest.param(1000, None, None, id="without limit"),
    ],
)
def test_grant_that_decides_is_as_far_back_as_the_limit_is_large(next_number, max_updates, number):
    assert limits.deciding_number(next_number, Limits(max_updates, 60)) == number


def test_slot_is_one_period_after_the_deciding_grant():
    assert limits.slot(NOW, Limits(2, 60)) == NOW + timedelta(seconds=60)


@pytest.mark.parametrize(("at", "of"), [(None, Limits(2, 60)), (NOW, Limits())], ids=["no such grant", "no limit"])
def test_without_grant_or_limit_the_slot_is_now(at, of):
    assert limits.slot(at, of) is None
