"""docs/rollouts.md is what users go by: it must name every reason in the order in which it is decided, and every event that moves."""

import re
from pathlib import Path

from update_core.fleet import evidence
from update_core.fleet.grants import GrantState
from update_core.rollout import decide
from update_core.rollout.model import Reason

PAGE = (Path(__file__).parents[3] / "docs" / "rollouts.md").read_text()


def test_every_reason_is_explained_in_the_order_of_the_rules():
    explained = re.findall(r"^\| `([A-Za-z]+)` \|", PAGE, re.MULTILINE)
    rules = [rule.__name__ for rule in (*decide.ELIGIBILITY, *decide.LIMITS)]

    assert [re.sub(r"(?<!^)(?=[A-Z])", "_", reason).lower() for reason in explained] == rules
    assert set(explained) == set(Reason)


def test_every_event_that_moves_is_listed():
    moving = {f"{kind}:{result}" for kind, result in {*evidence.FORWARD, *evidence.FAILED, evidence.RELEASED}}

    assert moving <= set(re.findall(r"\d+:\d+", PAGE))


def test_every_state_of_a_grant_is_named():
    assert {state for state in GrantState if f"`{state}`" not in PAGE} == {GrantState.GRANTED}
