"""Does what is done again and again go on after an outage of the store, which is said once?"""

import pytest

from omaha_api import rounds
from update_core.fleet.store import StoreUnavailable

AWAY = StoreUnavailable("the disk is full")


class MistakeOfOursError(Exception):
    pass


@pytest.mark.parametrize(
    ("rounds_before", "said"),
    [
        pytest.param([None, None], 0, id="nothing is away"),
        pytest.param([None, AWAY, AWAY, AWAY, None], 1, id="one outage over several rounds"),
        pytest.param([AWAY, None, AWAY, None], 2, id="two outages"),
    ],
)
async def test_only_a_mistake_of_ours_ends_the_rounds_and_an_outage_is_said_once(rounds_before, said, caplog):
    left = [*rounds_before, MistakeOfOursError()]

    async def once():
        failure = left.pop(0)
        if failure is not None:
            raise failure

    with pytest.raises(MistakeOfOursError):
        await rounds.go(once, every_seconds=0, without_store="counting waits")

    assert left == []
    assert [record.getMessage() for record in caplog.records] == ["counting waits: the disk is full"] * said
