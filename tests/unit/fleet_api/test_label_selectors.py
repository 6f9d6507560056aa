"""Label selectors mean here what they mean to every Kubernetes API: the same texts are understood, and the same are refused."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omaha_api.fleet_api import label_selectors
from omaha_api.fleet_api.label_selectors import SelectorError

# The cases of k8s.io/apimachinery/pkg/labels/selector_test.go, and what follows from its grammar.
MATCHING = {
    "nothing": ("", {"x": "y"}),
    "equal": ("x=y", {"x": "y"}),
    "equal twice": ("x==y", {"x": "y"}),
    "two": ("x=y,z=w", {"x": "y", "z": "w"}),
    "unequal": ("x!=y,z!=w", {"x": "z", "z": "a"}),
    "unequal without the label": ("x!=y", {}),
    "notin": ("notin=in", {"notin": "in"}),
    "exists": ("x", {"x": "z"}),
    "doesn't exist": ("!x", {"y": "z"}),
    "in": ("x in (a, b)", {"x": "b"}),
    "not in": ("x notin (a,b)", {"x": "c"}),
    "not in without the label": ("x notin (a,b)", {}),
    "the words as keys and values": ("in in (in,notin)", {"in": "notin"}),
    "greater": ("x>1", {"x": "2"}),
    "less": ("x<7", {"x": "6"}),
    "empty value": ("x=", {"x": ""}),
    "empty value before a comma": ("x=,z=w", {"x": "", "z": "w"}),
    "empty value among others": ("x in (,a)", {"x": ""}),
    "only an empty value": ("x in (,)", {"x": ""}),
    "white space": (" x\t=  y ,\n z   notin ( a )\r", {"x": "y", "z": "b"}),
    "a prefix": ("fleet.updateservice.dev/oem=qemu", {"fleet.updateservice.dev/oem": "qemu"}),
}

FAILING = {
    "equal": ("x=z", {"x": "y"}),
    "equal without the label": ("x=z", {}),
    "one of two": ("x=y,z=w", {"x": "y", "z": "v"}),
    "unequal": ("x!=y", {"x": "y"}),
    "exists": ("x", {"y": "z"}),
    "doesn't exist": ("!x", {"x": "z"}),
    "in": ("x in (a,b)", {"x": "c"}),
    "in without the label": ("x in (a,b)", {}),
    "not in": ("x notin (a,b)", {"x": "a"}),
    "greater than a word": ("x>1", {"x": "many"}),
    "greater": ("x>5", {"x": "5"}),
    "less": ("x<5", {"x": "5"}),
    "empty isn't absent": ("x=", {}),
}

REFUSED = [
    "x=y=z", "!x=a", "!x<1", "x<a", "x>", "x in", "x in a", "x in (a", "x in a)", "x in ()", "x in (a b)", "x in (a,,b c)", "x,", ",x",
    "x,,y", "=", "!", "x in (=)", "x y", "x=)", "(x)", "x = $", "x=-a", "-x=a", "a/b/c=d", "Prefix_/x=y", "x=" + "a" * 64,
    "x" * 64, "!!x",
]  # fmt: skip


@pytest.mark.parametrize(("text", "labels"), MATCHING.values(), ids=MATCHING)
def test_it_selects(text, labels):
    assert matches(text, labels)


@pytest.mark.parametrize(("text", "labels"), FAILING.values(), ids=FAILING)
def test_it_leaves_out(text, labels):
    assert not matches(text, labels)


@pytest.mark.parametrize("text", REFUSED)
def test_what_cant_be_read_is_refused(text):
    with pytest.raises(SelectorError):
        label_selectors.parse(text)


KEYS = st.sampled_from(["a", "b", "fleet.updateservice.dev/oem", "in"])
VALUES = st.sampled_from(["", "x", "y", "1", "10", "notin"])
DEMANDS = st.one_of(
    st.tuples(st.sampled_from(["=", "==", "!="]), VALUES),
    st.tuples(st.sampled_from(["in", "notin"]), st.lists(VALUES, min_size=1, max_size=3)),
    st.tuples(st.sampled_from(["exists", "!"]), st.none()),
    st.tuples(st.sampled_from([">", "<"]), st.integers(0, 20)),
)


@given(
    st.lists(st.tuples(KEYS, DEMANDS), max_size=4),
    st.dictionaries(KEYS, VALUES),
    st.sampled_from(["", " ", "\t ", "\n"]),
)
def test_it_selects_what_each_demand_taken_literally_selects(demands, labels, space):
    text = ",".join(written(key, *demand, space) for key, demand in demands)

    assert matches(text, labels) == all(holds(key, *demand, labels) for key, demand in demands)


@given(st.text(alphabet="ab1=!<>(), in", max_size=20), st.dictionaries(st.just("a"), VALUES))
def test_any_text_is_either_read_or_refused(text, labels):
    with contextlib.suppress(SelectorError):
        matches(text, labels)


def matches(text, labels):
    return all(requirement.met_by(labels) for requirement in label_selectors.parse(text))


def written(key, operator, operand, space):
    match operator:
        case "exists":
            return f"{space}{key}{space}"
        case "!":
            return f"!{space}{key}"
        case "in" | "notin":
            # The empty value alone is written as a comma.
            return f"{key} {operator}{space}({f',{space}'.join(operand) or ','})"
        case _:
            return f"{key}{space}{operator}{space}{operand}{space}"


def holds(key, operator, operand, labels):
    has = key in labels
    match operator:
        case "=" | "==":
            return has and labels[key] == operand
        case "!=":
            return not has or labels[key] != operand
        case "in":
            return has and labels[key] in operand
        case "notin":
            return not has or labels[key] not in operand
        case "exists":
            return has
        case "!":
            return not has
    number = has and labels[key].isdigit() and int(labels[key])
    if number is False:
        return False
    return number > operand if operator == ">" else number < operand
