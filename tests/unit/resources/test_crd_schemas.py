"""The CRDs as generated: documented, bounded, and the same as the files that are checked in."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from update_core.resources import crds, rules
from update_core.resources.schemas import INT_OR_STRING

REPOSITORY = Path(__file__).resolve().parents[3]
BOUNDS = {
    "string": {"maxLength"},
    "array": {"maxItems"},
    "integer": {"minimum", "maximum"},
    "boolean": set(),
    "object": {"properties"},
}


def fields(node: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema below `node` with its path, items of lists included."""
    for name, child in node.get("properties", {}).items():
        yield f"{path}.{name}", child
        yield from fields(child, f"{path}.{name}")
        if "items" in child:
            yield f"{path}.{name}[]", child["items"]
            yield from fields(child["items"], f"{path}.{name}[]")


def everything() -> list[tuple[str, dict[str, Any]]]:
    found = []
    for manifest in crds.manifests():
        (version,) = manifest["spec"]["versions"]
        properties = version["schema"]["openAPIV3Schema"]["properties"]
        kind = manifest["spec"]["names"]["kind"]
        found += fields({"properties": {name: properties[name] for name in ("spec", "status")}}, kind)
    return found


FIELDS = everything()
EACH_FIELD = pytest.mark.parametrize(("path", "schema"), FIELDS, ids=[path for path, _ in FIELDS])


@EACH_FIELD
def test_every_field_is_described(path, schema):
    description = schema["description"]

    assert len(description) > 5
    assert description == " ".join(description.split())
    assert description.endswith("."), "descriptions are sentences"


@EACH_FIELD
def test_every_value_is_bounded_and_none_is_a_float(path, schema):
    if INT_OR_STRING in schema:
        # Neither type's bounds hold for the other: only a rule knows both.
        assert schema["x-kubernetes-validations"]
        return
    bounded = schema.keys() | ({"maxLength"} if "enum" in schema or schema.get("format") == "date-time" else set())

    assert BOUNDS[schema["type"]] <= bounded


@EACH_FIELD
def test_nothing_is_left_that_only_json_schema_knows(path, schema):
    assert not schema.keys() & {"$ref", "$defs", "anyOf", "allOf", "title", "nullable", "additionalProperties"}


@EACH_FIELD
def test_durations_say_their_unit(path, schema):
    if "econds" in path.rsplit(".", 1)[-1]:
        assert path.endswith("Seconds")
        assert "seconds" in schema["description"].lower()


def test_a_rule_speaks_instead_of_a_bare_pattern():
    by_path = dict(FIELDS)
    for rule in rules.RULES:
        if rule.path:
            schema = by_path[".".join((rule.kind, "spec", *rule.path)).replace(".[]", "[]")]
            assert "pattern" not in schema
            assert rule.to_wire() in schema["x-kubernetes-validations"]


@pytest.mark.parametrize("rule", rules.RULES, ids=[rule.name for rule in rules.RULES])
def test_messages_tell_people_what_to_write(rule):
    assert "must be" in rule.message or "can't be changed" in rule.message
    assert "^" not in rule.message


@pytest.mark.parametrize("manifest", crds.manifests(), ids=lambda manifest: manifest["spec"]["names"]["kind"])
def test_an_object_that_nobody_has_reconciled_isnt_mistaken_for_done(manifest):
    status = manifest["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]

    assert status["default"] == {"observedGeneration": -1}
    assert status["properties"]["observedGeneration"]["default"] == -1
    assert status["properties"]["observedGeneration"]["minimum"] == -1


@pytest.mark.parametrize("manifest", crds.manifests(), ids=lambda manifest: manifest["spec"]["names"]["kind"])
def test_several_writers_conditions_merge_by_type(manifest):
    status = manifest["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
    conditions = status["properties"]["conditions"]

    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]


def test_the_files_in_crds_are_the_generated_ones():
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "tools" / "generate_crds.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
