"""docs/resources: a page per kind, each with the same chapters, that names every field and every reason."""

import re
from pathlib import Path

import pytest
import yaml

from update_core.resources import crds
from update_core.resources.conditions import ConditionType, Reason

PAGES = Path(__file__).resolve().parents[3] / "docs" / "resources"
KINDS = [kind.model.kind for kind in crds.KINDS]
CHAPTERS = ["Example", "Writing a spec", "Working with {}s", "Status"]

SPEC_PROBLEMS = {Reason.REFERENCE_NOT_FOUND, Reason.APP_ID_CONFLICT, Reason.INVALID_SPEC}
REASONS = {
    "Application": {Reason.RECONCILED} | SPEC_PROBLEMS,
    "Package": {Reason.RECONCILED, Reason.CONFLICT} | SPEC_PROBLEMS,
    "Channel": {
        *(Reason.RECONCILED, Reason.CONFLICT, Reason.PACKAGE_FOUND, Reason.PACKAGE_NOT_FOUND, Reason.ROLLOUT_COMPLETED),
        Reason.WITHDRAWN,
        *(Reason.WAITING_FOR_GROUPS, Reason.NO_GROUPS, Reason.NO_INSTANCES, Reason.ROLLOUT_PENDING),
        Reason.ROLLOUT_HALTED,
        *SPEC_PROBLEMS,
    },
    "Group": set(Reason) - {Reason.WAITING_FOR_GROUPS, Reason.NO_GROUPS},
}
CONDITIONS = {
    "Application": {ConditionType.READY, ConditionType.STALLED},
    "Package": {ConditionType.READY, ConditionType.STALLED},
    "Channel": {
        *(ConditionType.READY, ConditionType.PACKAGE_AVAILABLE, ConditionType.ROLLED_OUT),
        *(ConditionType.RECONCILING, ConditionType.STALLED),
    },
    "Group": set(ConditionType) - {ConditionType.ROLLED_OUT},
}
EACH_KIND = pytest.mark.parametrize("kind", KINDS)


def page(kind: str) -> str:
    return (PAGES / f"{kind.lower()}.md").read_text(encoding="utf-8")


def chapter(kind: str, title: str) -> str:
    (text,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", page(kind), re.DOTALL | re.MULTILINE)
    return text


def words(text: str) -> set[str]:
    """Everything that is marked as code, in its parts: `instances.total` names two fields."""
    return {word for code in re.findall(r"`([^`\n]+)`", text) for word in re.findall(r"\w+", code)}


def fields(kind: str, part: str) -> set[str]:
    (model,) = [entry.model for entry in crds.KINDS if entry.model.kind == kind]
    return set(crds.schema(model)["properties"][part]["properties"])


@EACH_KIND
def test_pages_have_the_same_chapters(kind):
    assert re.findall(r"^## (.*)", page(kind), re.MULTILINE) == [title.format(kind) for title in CHAPTERS]


@EACH_KIND
def test_every_field_of_the_spec_is_explained(kind):
    assert fields(kind, "spec") <= words(chapter(kind, "Writing a spec"))


@EACH_KIND
def test_every_field_of_the_status_is_explained(kind):
    assert fields(kind, "status") <= words(chapter(kind, "Status"))


@EACH_KIND
def test_every_reason_and_condition_is_explained_and_no_other(kind):
    known = {reason.value for reason in Reason} | {type_.value for type_ in ConditionType}
    told = words(chapter(kind, "Status")) & known

    assert told == {item.value for item in REASONS[kind] | CONDITIONS[kind]}


def test_no_reason_is_without_a_page():
    assert set().union(*REASONS.values()) == set(Reason)


@EACH_KIND
def test_the_example_is_one_that_is_applied_by_tests(kind):
    (text,) = re.findall(r"```yaml\n(.*?)```", chapter(kind, "Example"), re.DOTALL)
    example = yaml.safe_load(text)
    files = (PAGES.parent / "examples").glob("*.yaml")
    applied = [document for path in files for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))]

    assert example in applied


@EACH_KIND
def test_the_list_shown_has_the_columns_of_kubectl_get(kind):
    (header,) = re.findall(r"^    (NAME .*)$", chapter(kind, "Example"), re.MULTILINE)
    (columns,) = [entry.columns for entry in crds.KINDS if entry.model.kind == kind]

    assert header.split() == ["NAME", *(column.name.upper() for column in columns if not column.wide)]
