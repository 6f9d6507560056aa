"""Failures by instance and version: what raises them, what ends them, and which are kept."""

from datetime import timedelta

import pytest

from support.fleet_values import NEW, NOW, grant
from update_core.fleet import attempts
from update_core.fleet.grants import GrantState
from update_core.fleet.store import MAX_VERSIONS_FAILED
from update_core.rollout.model import Attempts

LATER = NOW + timedelta(hours=1)


def failure(state: GrantState = GrantState.FAILED, **changes):
    return grant(state, **{"moved_at": LATER} | changes)


def test_first_failure_is_one_of_its_rollout():
    assert attempts.after((), [failure(sequence=3, epoch=2)]) == (Attempts(NEW, 1, LATER, 3, 2),)


@pytest.mark.parametrize(
    ("before", "grant_of", "failures"),
    [
        pytest.param((1, 0), (1, 0), 5, id="same rollout"),
        pytest.param((1, 0), (2, 0), 5, id="later rollout of the version"),
        pytest.param((1, 0), (1, 1), 1, id="resumed since"),
        pytest.param((1, 1), (1, 0), 5, id="began before it was resumed"),
        pytest.param((1, 0), (2, 1), 5, id="another rollout was resumed"),
    ],
)
def test_failures_add_up_but_for_a_resume(before, grant_of, failures):
    held = (Attempts(NEW, 4, NOW, *before),)
    sequence, epoch = grant_of

    assert attempts.after(held, [failure(sequence=sequence, epoch=epoch)]) == (
        Attempts(NEW, failures, LATER, sequence, epoch),
    )


@pytest.mark.parametrize("state", GrantState)
def test_every_state_raises_ends_or_leaves_the_count(state):
    held = (Attempts("0.9.0", 2, NOW, 1, 0), Attempts(NEW, 1, NOW, 1, 0))
    expected = {GrantState.FAILED: [2, 2], GrantState.TIMED_OUT: [2, 2], GrantState.COMPLETE: [2]}

    assert [each.failures for each in attempts.after(held, [failure(state)])] == expected.get(state, [2, 1])


def test_same_version_in_other_words_is_one():
    after = attempts.after((Attempts("1.1", 1, NOW, 1, 0),), [failure(version="1.1.0")])

    assert [each.failures for each in after] == [2]


def test_versions_that_failed_longest_ago_go_first():
    failed = [f"1.{number}.0" for number in range(MAX_VERSIONS_FAILED + 1)]
    after = attempts.after((), [failure(version=version) for version in (*failed[:-1], failed[0], failed[-1])])

    assert [each.version for each in after] == [*failed[2:-1], failed[0], failed[-1]]
    assert after[-2].failures == 2
