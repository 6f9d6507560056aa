"""Each rule of the CRDs, asked of the real API server: what it lets pass, what it refuses, and in which words."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from support.crd_cases import (
    ACTION,
    ADDITIONS,
    CHANGES,
    CONTRADICTIONS,
    EXTRA_FILE,
    FORMS,
    FREEZE,
    ITEMS,
    MUTABLE,
    SPECS,
    WINDOW,
)
from support.crd_cases_of_rollouts import WAVE
from support.crd_forms import VERSIONS
from update_core import versions
from update_core.resources import crds, rules
from update_core.resources.rule_forms import Rule

MODELS = {kind.model.kind: kind.model for kind in crds.KINDS}
PLURALS = {kind: model.plural for kind, model in MODELS.items()}
BY_NAME = {rule.name: rule for rule in rules.RULES}


def manifest(kind: str, spec: dict[str, Any], name: str = "subject") -> dict[str, Any]:
    return {"apiVersion": "updateservice.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def with_field(kind: str, path: tuple[str, ...], value: Any) -> dict[str, Any]:
    spec = copy.deepcopy(SPECS[kind])
    whole = value
    for depth in range(len(path) - 1, 0, -1):
        whole = [whole] if path[depth] == "[]" else {**ITEMS.get(".".join(path[:depth]), {}), path[depth]: whole}
    if isinstance(whole, dict):
        whole = spec.get(path[0], {}) | whole
    return manifest(kind, spec | {path[0]: whole})


@pytest.fixture
def create(control_plane, namespace):
    """(kind, manifest) -> (status, answer) of creating it, without keeping it."""

    def run(body: dict[str, Any], *, keep: bool = False):
        path = f"/apis/updateservice.dev/v1alpha1/namespaces/{namespace}/{PLURALS[body['kind']]}?fieldValidation=Strict"
        return control_plane.request("POST", path if keep else f"{path}&dryRun=All", body)

    return run


@pytest.fixture
def replace(control_plane, namespace):
    """manifest -> (status, answer) of replacing the object of that name, without keeping it."""

    def run(body: dict[str, Any]):
        plural, name = PLURALS[body["kind"]], body["metadata"]["name"]
        path = (
            f"/apis/updateservice.dev/v1alpha1/namespaces/{namespace}/{plural}/{name}?fieldValidation=Strict&dryRun=All"
        )
        return control_plane.request("PUT", path, body)

    return run


def causes(answer: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for cause in answer["details"]["causes"]:
        yield cause["field"], cause["message"]


def assert_refused(status: int, answer: dict[str, Any], rule: Rule, value: Any) -> None:
    assert status == 422, f"{rule.name} lets {value!r} pass"
    field = ".".join(("spec", *rule.path, *([rule.field] if rule.field else []))).replace(".[]", "[0]")
    told = [message for where, message in causes(answer) if where == field]
    assert any(rule.message in message for message in told), (value, answer["message"])


def test_every_rule_is_tried():
    assert {rule.name for rule in rules.RULES} == FORMS.keys() | CHANGES.keys() | CONTRADICTIONS.keys()
    assert len(BY_NAME) == len(rules.RULES)


@pytest.mark.parametrize("name", FORMS)
def test_well_formed_values_are_accepted(name, create):
    rule = BY_NAME[name]
    for value in FORMS[name].accepted:
        status, answer = create(with_field(rule.kind, rule.path, value))

        assert status == 201, (value, answer.get("message"))
        MODELS[rule.kind].parse(answer)


def test_the_api_server_lets_pass_exactly_the_versions_that_can_be_compared():
    assert all(versions.parse_or_none(version) for version in VERSIONS.accepted)
    assert not any(versions.parse_or_none(version) for version in VERSIONS.refused)


@pytest.mark.parametrize("name", FORMS)
def test_malformed_values_are_refused_with_the_rules_message(name, create):
    rule = BY_NAME[name]
    for value in FORMS[name].refused:
        status, answer = create(with_field(rule.kind, rule.path, value))

        assert_refused(status, answer, rule, value)


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_fields_that_contradict_each_other_are_refused_together(name, create):
    rule = BY_NAME[name]
    for changes in CONTRADICTIONS[name].accepted:
        status, answer = create(manifest(rule.kind, SPECS[rule.kind] | changes))

        assert status == 201, (changes, answer.get("message"))
    for changes in CONTRADICTIONS[name].refused:
        status, answer = create(manifest(rule.kind, SPECS[rule.kind] | changes))

        assert_refused(status, answer, rule, changes)


@pytest.mark.parametrize(
    ("kind", "changes", "field"),
    [
        pytest.param("Package", {"arch": "x86_64"}, "spec.arch", id="architecture that isn't Debian's"),
        pytest.param("Package", {"extraFiles": [EXTRA_FILE, EXTRA_FILE]}, "spec.extraFiles[1]", id="file twice"),
        pytest.param("Package", {"mirrors": ["https://m.example.com/"] * 9}, "spec.mirrors", id="nine mirrors"),
        pytest.param("Package", {"actions": [ACTION | {"event": "postinstall"}]}, "spec.actions[0].event", id="event"),
        pytest.param("Group", {"exclude": {"oems": ["ami", "ami"]}}, "spec.exclude.oems[1]", id="OEM twice"),
        pytest.param(
            "Group",
            {"maintenanceWindows": [WINDOW | {"days": ["Sunday", "Sunday"]}]},
            "spec.maintenanceWindows[0].days[1]",
            id="day twice",
        ),
        pytest.param(
            "Group", {"maintenanceWindows": [WINDOW | {"days": []}]}, "spec.maintenanceWindows[0].days", id="no day"
        ),
        pytest.param(
            "Group",
            {"maintenanceWindows": [WINDOW | {"days": ["Sun"]}]},
            "spec.maintenanceWindows[0].days[0]",
            id="day that is none",
        ),
        pytest.param(
            "Group",
            {"maintenanceWindows": [WINDOW | {"durationSeconds": 604801}]},
            "spec.maintenanceWindows[0].durationSeconds",
            id="longer than a week",
        ),
        pytest.param("Group", {"maintenanceWindows": [WINDOW] * 33}, "spec.maintenanceWindows", id="33 windows"),
        pytest.param("Group", {"freezes": [FREEZE] * 33}, "spec.freezes", id="33 freezes"),
        pytest.param(
            "Group", {"freezes": [FREEZE | {"start": "2026-12-20"}]}, "spec.freezes[0].start", id="a day is no moment"
        ),
        pytest.param(
            "Group",
            {"freezes": [FREEZE | {"start": "2026-12-20T00:00:00"}]},
            "spec.freezes[0].start",
            id="a moment of no zone",
        ),
        pytest.param("Channel", {"floors": [{"version": "0.9"}] * 2}, "spec.floors[1]", id="floor twice"),
        pytest.param(
            "Channel", {"floors": [{"version": f"0.{n}"} for n in range(17)]}, "spec.floors", id="seventeen floors"
        ),
        pytest.param("Package", {"withdrawn": {}}, "spec.withdrawn.reason", id="withdrawn for no reason"),
        pytest.param(
            "Package", {"deadEnd": {"reason": "r" * 257}}, "spec.deadEnd.reason", id="reason of 257 characters"
        ),
        pytest.param(
            "Group",
            {"versionPolicy": {"blockedVersions": ["1.0.0", "1.0.0"]}},
            "spec.versionPolicy.blockedVersions[1]",
            id="blocked twice",
        ),
        pytest.param(
            "Group",
            {"versionPolicy": {"blockedVersions": [f"1.{n}" for n in range(65)]}},
            "spec.versionPolicy.blockedVersions",
            id="65 blocked versions",
        ),
        pytest.param(
            "Group", {"rollout": {"waves": [WAVE, WAVE]}}, "spec.rollout.waves[1]", id="two waves of the same name"
        ),
        pytest.param(
            "Group",
            {"rollout": {"waves": [WAVE | {"name": f"wave-{n}"} for n in range(17)]}},
            "spec.rollout.waves",
            id="seventeen waves",
        ),
        pytest.param(
            "Group",
            {"rollout": {"waves": [WAVE | {"match": [{"attribute": "colour", "values": ["red"]}]}]}},
            "spec.rollout.waves[0].match[0].attribute",
            id="matched by what nobody reports",
        ),
        pytest.param(
            "Group",
            {"rollout": {"waves": [WAVE | {"match": [{"attribute": "oem", "values": []}]}]}},
            "spec.rollout.waves[0].match[0].values",
            id="matched by no value",
        ),
        pytest.param(
            "Group",
            {"rollout": {"resume": {"epoch": 1}}},
            "spec.rollout.resume.sequence",
            id="resumed without saying what",
        ),
        pytest.param(
            "Group",
            {"rollout": {"haltOn": {"failurePercent": 0}}},
            "spec.rollout.haltOn.failurePercent",
            id="no failures",
        ),
        pytest.param("Group", {"rollout": {"onHalt": "Explode"}}, "spec.rollout.onHalt", id="unknown end"),
        pytest.param("Group", {"onDemand": "Never"}, "spec.onDemand", id="unknown word"),
        pytest.param("Group", {"pollIntervalSeconds": 59}, "spec.pollIntervalSeconds", id="interval too short"),
        pytest.param(
            "Application", {"retryAfterSeconds": 86401}, "spec.retryAfterSeconds", id="longer than clients keep"
        ),
    ],
)
def test_what_the_schema_knows_is_refused_at_its_field(kind, changes, field, create):
    status, answer = create(manifest(kind, SPECS[kind] | changes))

    assert status == 422
    assert field in {where for where, _ in causes(answer)}


@pytest.mark.parametrize("name", CHANGES)
def test_identity_and_content_stay_as_created(name, create, replace):
    rule, change = BY_NAME[name], CHANGES[name]
    status, created = create(with_field(rule.kind, (rule.field,), change.before), keep=True)
    assert status == 201, created["message"]
    for value in change.refused:
        changed = copy.deepcopy(created)
        changed["spec"][rule.field] = value
        if value is None:
            del changed["spec"][rule.field]
        status, answer = replace(changed)

        assert_refused(status, answer, rule, value)


@pytest.mark.parametrize("name", ADDITIONS)
def test_what_a_package_was_created_without_cant_be_added(name, create, replace):
    rule = BY_NAME[name]
    status, created = create(manifest(rule.kind, SPECS[rule.kind]), keep=True)
    assert status == 201, created["message"]
    created["spec"][rule.field] = ADDITIONS[name]
    status, answer = replace(created)

    assert_refused(status, answer, rule, ADDITIONS[name])


@pytest.mark.parametrize(("kind", "changes"), MUTABLE, ids=[kind for kind, _ in MUTABLE])
def test_everything_else_may_change(kind, changes, create, replace):
    status, created = create(manifest(kind, SPECS[kind]), keep=True)
    assert status == 201, created["message"]
    created["spec"] |= changes
    status, answer = replace(created)

    assert status == 200, answer["message"]


@pytest.mark.parametrize("kind", SPECS)
def test_unknown_fields_are_refused(kind, create):
    status, answer = create(manifest(kind, SPECS[kind] | {"speed": 1}))

    assert status == 400
    assert 'unknown field "spec.speed"' in answer["message"]
