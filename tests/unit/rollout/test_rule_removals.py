"""The table that `make test-rules` takes rules out by names every rule there is, and each of its edits still takes something out."""

import importlib.util
from pathlib import Path

import pytest

from support.removals import advancing, bounding, deciding, recording
from support.removals.edits import Silenced, Swapped, understood
from update_core.fleet import evidence
from update_core.rollout import decide

REPOSITORY = Path(__file__).resolve().parents[3]
REMOVALS = (*deciding.REMOVALS, *advancing.REMOVALS, *recording.REMOVALS, *bounding.REMOVALS)
EACH_REMOVAL = pytest.mark.parametrize("removal", REMOVALS, ids=[removal.rule for removal in REMOVALS])


def test_every_rule_is_named():
    assert {rule.__name__ for rule in (*decide.ELIGIBILITY, *decide.LIMITS)} <= {
        removal.edit.function
        for removal in REMOVALS
        if removal.module == decide.__name__ and isinstance(removal.edit, Silenced)
    }


def test_every_row_of_the_tables_of_events_is_named():
    rows = {f"evidence: {kind}:{result}" for kind, result in {*evidence.FORWARD, *evidence.FAILED, evidence.RELEASED}}
    codes = {f"evidence: code {code} is about talking to us" for code in evidence.OMAHA_CODES}

    assert rows | codes <= {removal.rule for removal in REMOVALS}


def test_no_rule_is_named_twice():
    assert len({removal.rule for removal in REMOVALS}) == len(REMOVALS)


@EACH_REMOVAL
def test_each_edit_leaves_a_module_that_says_otherwise(removal):
    path = importlib.util.find_spec(removal.module).origin
    source = Path(path).read_text(encoding="utf-8")
    edited = removal.edit.apply(source)

    assert edited != source
    compile(edited, path, "exec")


@EACH_REMOVAL
def test_the_tests_that_have_to_notice_are_there(removal):
    assert all((REPOSITORY / told).is_file() for told in removal.tests if told.endswith(".py"))


@EACH_REMOVAL
def test_an_edit_that_is_told_to_another_process_is_the_same_there(removal):
    assert understood(removal.told()) == (removal.module, removal.edit)


SOURCE = '''def one() -> int:
    """Is one."""
    return 1


class Thing:
    def one(self) -> int:
        # A comment.
        return 1
'''


@pytest.mark.parametrize(
    ("edit", "edited"),
    [
        pytest.param(
            Silenced("one", "0"), SOURCE.replace('    """Is one."""\n    return 1\n', "    return 0\n"), id="a function"
        ),
        pytest.param(Silenced("Thing.one"), SOURCE.replace("        return 1", "        return None"), id="a method"),
        pytest.param(Swapped("Is one", "Was one"), SOURCE.replace("Is one", "Was one"), id="a text"),
    ],
)
def test_an_edit_takes_out_what_it_names(edit, edited):
    assert edit.apply(SOURCE) == edited


@pytest.mark.parametrize(
    "edit", [Silenced("two"), Silenced("Thing"), Silenced("Thing.two"), Swapped("one", "two"), Swapped("three", "two")]
)
def test_an_edit_that_finds_nothing_or_too_much_says_so(edit):
    with pytest.raises(ValueError, match=r"there is no|times in the module"):
        edit.apply(SOURCE)
