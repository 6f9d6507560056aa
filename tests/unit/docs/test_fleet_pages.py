"""docs/resources has a page for each kind of the fleet API, which names every field and shows objects and lists as they are."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from omaha_api.fleet_api import kinds, tables
from update_core.fleet.grants import GrantState
from update_core.resources.fleet import instance, progress

PAGES = Path(__file__).resolve().parents[3] / "docs" / "resources"
MODELS = {"Instance": instance.Instance, "GroupProgress": progress.GroupProgress}
CHAPTERS = ["Example", "Reading a spec", "Working with {}", "Status"]
EACH_KIND = pytest.mark.parametrize("kind", kinds.ALL, ids=lambda kind: kind.kind)


def chapter(kind: kinds.Kind, title: str) -> str:
    page = (PAGES / f"{kind.kind.lower()}.md").read_text(encoding="utf-8")
    (text,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    return text


def words(text: str) -> set[str]:
    return {word for code in re.findall(r"`([^`\n]+)`", text) for word in re.findall(r"\w+", code)}


def fields(model: type[BaseModel]) -> set[str]:
    """Every field's name, with those of what is in it."""
    schema = model.model_json_schema(by_alias=True)
    parts: list[dict[str, Any]] = [schema, *schema.get("$defs", {}).values()]
    return {name for part in parts for name in part.get("properties", {})}


def part(kind: kinds.Kind, name: str) -> type[BaseModel]:
    return MODELS[kind.kind].model_fields[name].annotation


@EACH_KIND
def test_pages_of_the_fleet_have_the_same_chapters(kind):
    page = (PAGES / f"{kind.kind.lower()}.md").read_text(encoding="utf-8")
    plural = {"Instance": "Instances", "GroupProgress": "GroupProgresses"}[kind.kind]

    assert re.findall(r"^## (.*)", page, re.MULTILINE) == [title.format(plural) for title in CHAPTERS]


@EACH_KIND
def test_every_field_of_the_fleet_is_explained(kind):
    assert fields(part(kind, "spec")) <= words(chapter(kind, "Reading a spec"))
    assert fields(part(kind, "status")) <= words(chapter(kind, "Status"))


@EACH_KIND
def test_the_example_is_an_object_of_its_kind_with_no_other_field(kind):
    (text,) = re.findall(r"```yaml\n(.*?)```", chapter(kind, "Example"), re.DOTALL)
    example = yaml.safe_load(text)

    parsed = MODELS[kind.kind].parse(example)
    assert (example["kind"], example["apiVersion"]) == (kind.kind, kind.type.api_version)
    assert set(example["spec"]) <= fields(type(parsed.spec))
    assert set(example["status"]) <= fields(type(parsed.status))


@EACH_KIND
def test_the_list_shown_has_the_columns_of_the_fleet_api(kind):
    (header,) = re.findall(r"^    (NAME .*)$", chapter(kind, "Example"), re.MULTILINE)

    assert header.split() == [column.name.upper() for column in tables.COLUMNS[kind] if not column.priority]


@EACH_KIND
def test_every_field_that_can_be_selected_by_is_named(kind):
    plural = {"Instance": "Instances", "GroupProgress": "GroupProgresses"}[kind.kind]
    told = re.findall(r"`((?:metadata|spec|status)\.[A-Za-z]+)`", chapter(kind, f"Working with {plural}"))

    assert set(kind.fields) == set(told)


def test_every_state_of_an_update_is_named():
    assert {state.value for state in GrantState} <= words(chapter(kinds.INSTANCES, "Status"))
