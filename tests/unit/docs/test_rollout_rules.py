"""docs/rollouts.md is what users go by: its tables and diagrams are those of the code, and its examples are right."""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from update_core import plans
from update_core.fleet import evidence, moves
from update_core.fleet.grants import GrantState
from update_core.resources.group import GroupSpec
from update_core.rollout import cohort, decide, phases
from update_core.rollout.model import Reason

REPOSITORY = Path(__file__).parents[3]
TOOL = REPOSITORY / "tools" / "generate_rollout_docs.py"
PAGE = (REPOSITORY / "docs" / "rollouts.md").read_text(encoding="utf-8")
EXAMPLES = [yaml.safe_load(text)["spec"] for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
APPLIED = [
    document["spec"]
    for document in yaml.safe_load_all((REPOSITORY / "docs" / "examples" / "groups.yaml").read_text(encoding="utf-8"))
]


def run(root, *arguments):
    command = [sys.executable, str(root / "tools" / TOOL.name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_tables_and_diagrams_are_as_the_rules_say():
    checked = run(REPOSITORY, "--check")

    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.fixture
def elsewhere(tmp_path):
    """A copy of the page with the tool that writes into it."""
    for path in (TOOL, REPOSITORY / "docs" / "rollouts.md"):
        copy = tmp_path / path.relative_to(REPOSITORY)
        copy.parent.mkdir()
        copy.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def test_a_row_that_differs_is_found_and_written_anew(elsewhere):
    page = elsewhere / "docs" / "rollouts.md"
    page.write_text(PAGE.replace("| `Frozen` |", "| `Melted` |"), encoding="utf-8")

    assert "make rollout-docs" in run(elsewhere, "--check").stderr
    assert run(elsewhere).returncode == 0
    assert page.read_text(encoding="utf-8") == PAGE


def test_a_page_without_the_place_for_a_part_is_left_as_it_is(elsewhere):
    page = elsewhere / "docs" / "rollouts.md"
    without = PAGE.replace("<!-- end of grants -->", "")
    page.write_text(without, encoding="utf-8")
    told = run(elsewhere)

    assert (told.returncode, "end of grants" in told.stderr) == (1, True)
    assert page.read_text(encoding="utf-8") == without


def test_every_reason_is_explained_in_the_order_of_the_rules():
    explained = re.findall(r"^\| (\d+) \| `([A-Za-z]+)` \|", PAGE, re.MULTILINE)
    rules = [rule.__name__.upper() for rule in (*decide.ELIGIBILITY, *decide.LIMITS)]

    assert [(int(number), Reason(reason).name) for number, reason in explained] == list(enumerate(rules, start=1))
    assert {reason for _, reason in explained} == set(Reason)


def test_the_diagrams_have_every_phase_state_and_happening():
    rollout, grants = (
        set(re.findall(r"[A-Z]\w+", diagram)) for diagram in re.findall(r"```mermaid(.*?)```", PAGE, re.DOTALL)
    )

    assert set(phases.Phase) | {what for _, what, _ in phases.MOVES} <= rollout
    assert set(GrantState) <= grants
    assert all(f": {cause}\n" in PAGE for cause in moves.Cause)


def test_every_event_that_moves_is_listed():
    moving = {f"{kind}:{result}" for kind, result in {*evidence.FORWARD, *evidence.FAILED, evidence.RELEASED}}

    assert moving <= set(re.findall(r"\d+:\d+", PAGE))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda spec: next(iter(spec["rollout"])))
def test_an_example_is_part_of_a_group_that_is_applied_by_tests(example):
    assert any(_within(example, spec) for spec in APPLIED)


@pytest.mark.parametrize("spec", APPLIED, ids=lambda spec: spec["track"])
def test_the_plan_of_each_group_of_the_examples_can_be_carried_out(spec):
    assert not plans.read(GroupSpec.model_validate(spec)).problem


def _within(part, whole):
    if isinstance(part, Mapping):
        return isinstance(whole, Mapping) and all(key in whole and _within(part[key], whole[key]) for key in part)
    return part == whole


def test_the_place_in_the_order_is_computed_as_the_page_shows():
    salt, instance_id, percent = re.findall(r"salt `(\w+)` the instance `(\S+)` comes in at ([0-9.]+) percent", PAGE)[0]
    command, told = re.findall(r"^    \$ (printf .*)\n    (\w+)$", PAGE, re.MULTILINE)[0]
    typed = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout.strip()

    assert typed == told == f"{cohort.position(salt, instance_id):016x}"
    first = cohort.ppm(percent)
    assert cohort.includes(first, salt, instance_id)
    assert not cohort.includes(first - 1, salt, instance_id)
