"""Each rule of the CRDs, asked of the real API server: what it lets pass, what it refuses, and in which words."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from update_core import versions
from update_core.resources import crds, rules

UUID = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"
SHA1 = "fe7374bddde2ddf07f6bfcc728d115d14338964b"
SHA256 = "b602d630f0a081840d0ca8fc4d35810e42806642b3127bb702d65c3df227d0f5"
MODELS = {kind.model.kind: kind.model for kind in crds.KINDS}
PLURALS = {kind: model.plural for kind, model in MODELS.items()}
SPECS: dict[str, dict[str, Any]] = {
    "Application": {"appId": UUID},
    "Channel": {"applicationRef": {"name": "webapp"}, "name": "stable", "version": "1.0.0"},
    "Group": {"applicationRef": {"name": "webapp"}, "channelRef": {"name": "webapp-stable"}, "track": "berlin"},
    "Package": {
        "applicationRef": {"name": "webapp"},
        "version": "1.0.0",
        "url": "update.gz",
        "size": 23,
        "sha256": SHA256,
    },
}
EXTRA_FILE = {"name": "oem-ami.gz", "size": 7, "sha256": SHA256}
ACTION = {"event": "install", "run": "setup.exe"}
ITEMS = {"extraFiles": EXTRA_FILE, "actions": ACTION}
IMAGE = "index.example.com/webapp:1.2.1"


@dataclass(frozen=True)
class Form:
    """Values of a field that pass and that don't."""

    accepted: tuple[Any, ...]
    refused: tuple[Any, ...]


@dataclass(frozen=True)
class Change:
    """A field's value and what it can't become; None: the field isn't there."""

    before: Any
    refused: tuple[Any, ...]


NAMES = Form(("webapp", "web-app.example", "0"), ("", "Webapp", "web_app", "-webapp", "web..app", "webapp."))
VERSIONS = Form(
    (
        *("1.2.3", "1.2.3-beta.1+build.5", "0.0.0", "3340.0.0+nightly-20260101", "99999999999.0.0"),
        *("1", "1.2", "01.2", "120.0.6099.5", "4294967295.0.0.4294967295"),
    ),
    (
        "",
        "v1.2.3",
        "1.2.3.4.5",
        "1.2.3-",
        "1.2.3-01",
        "1.2-beta",
        "4294967296.1",
        "1.2.3.4294967296",
        "99999999999999999999",
        "1.2.3 ",
        "1..2",
    ),
)
ONE_LINE = Form(("now", "/quiet --all", "Überblick 漢字"), ("two\nlines", "bell\x07"))
DISPLAY_NAMES = Form(("Web application (EU)", "Überblick 漢字"), ("two\nlines", "bell\x07", "\x1b[31mred"))
PRINTABLE = Form(("stable", "Fake Clients", "a", "stable/eu-west:1"), ("", " stable", "stable ", "stäble", "a\nb"))
OBJECT_CHANGE = Change({"name": "webapp"}, ({"name": "other"},))

FORMS: dict[str, Form] = {
    "Application.appId": Form(
        (UUID, "com.example.webapp", "com.example.my-app_2", "io.x"),
        (
            "",
            UUID.upper(),
            "{" + UUID + "}",
            "webapp",
            "com..example",
            "com.example.",
            "-com.example",
            "e96281a6-d1af-4bde-9a0a",
            "com example.x",
        ),
    ),
    "Application.displayName": DISPLAY_NAMES,
    "Application.packageBaseURL": Form(
        ("https://downloads.example.com/webapp/", "http://127.0.0.1:8080/packages/", "https://example.com/"),
        (
            *("downloads.example.com/webapp/", "/packages/", "ftp://example.com/", "HTTPS//example.com/"),
            *("https://example.com", "https://example.com/webapp", "https:///webapp/"),
            *(
                "https://example.com/?a=/",
                "https://example.com/#/",
                "https://example.com/a b/",
                "https://example.com/\t/",
            ),
        ),
    ),
    "Application.defaultGroupRef.name": NAMES,
    "Channel.applicationRef.name": NAMES,
    "Channel.name": PRINTABLE,
    "Channel.version": VERSIONS,
    "Group.applicationRef.name": NAMES,
    "Group.channelRef.name": NAMES,
    "Group.track": PRINTABLE,
    "Group.displayName": DISPLAY_NAMES,
    "Group.versionPolicy.prefix": Form(
        ("1", "1.2", "1.2.", "1.2.3$", "1.2.3.4", "1.2.3-beta.1", "1.2.3-beta.1$", "4294967295."),
        ("", ".", "$", "v1", "1..", "1.2.$", "1.2$.", "1.2.3.4.5", "4294967296", "1.2-", "1 ", "latest"),
    ),
    "Group.exclude.oems.[]": Form(("ami", "Azure (EU)", "a"), ("", " ami", "ami ", "\tami", "ämi")),
    "Package.mirrors.[]": Form(
        ("https://mirror.example.com/webapp/1.2.0/", "http://127.0.0.1:8080/", "https://example.com/a%20b/"),
        (
            *("https://mirror.example.com/webapp", "https://mirror.example.com", "mirror.example.com/webapp/"),
            *("ftp://example.com/", "https://example.com/?a=/", "https://example.com/a b/", "HTTP://example.com/"),
        ),
    ),
    "Package.extraFiles.[].name": Form(
        ("oem-ami.gz", "..gz", "a", "oem_(1)@x+y.gz"),
        (*("", ".", "..", "a/b", "/a", "a?b", "a#b", "a:b", "a%2Fb", "a b", "a\\b", "ä.gz", "a\n"),),
    ),
    "Package.actions.[].run": ONE_LINE,
    "Package.actions.[].arguments": ONE_LINE,
    "Package.postinstall.deadline": ONE_LINE,
    "Package.postinstall.displayVersion": ONE_LINE,
    "Package.postinstall.moreInfo": Form(
        ("https://www.example.com/releases?v=1.2.0#new", "http://example.com"),
        ("www.example.com", "javascript:alert(1)", "https://", "https://example.com/a b", "https://example.com/\n"),
    ),
    "Package.applicationRef.name": NAMES,
    "Package.version": VERSIONS,
    "Package.displayName": DISPLAY_NAMES,
    "Package.url": Form(
        (
            *(
                "update.gz",
                "webapp/1.1.0/update.gz",
                "update.gz?token=a%2Fb:c",
                "..update/v1..2/update.gz",
                "index.example.com/webapp",
            ),
            *(
                "https://downloads.example.com/update.gz",
                "http://127.0.0.1:8080/a/update.gz?x=1",
                "https://example.com/a%20b",
            ),
            *(
                "index.example.com/webapp:1.2.1",
                "localhost:5000/team/web_app:latest",
                "index.example.com/webapp@sha256:" + SHA256,
            ),
            *("index.example.com/webapp:1.2.1@sha256:" + SHA256, "localhost/webapp:1"),
        ),
        (
            *(
                "",
                "/update.gz",
                "//example.com/update.gz",
                "../update.gz",
                "a/../update.gz",
                "a/./b",
                "a/..",
                "a/%2E%2e/b",
                "a//b",
                "a/",
            ),
            *(
                "https://example.com",
                "https://example.com/",
                "https://example.com/a/",
                "https://",
                "ftp://example.com/a",
                "HTTP://example.com/a",
            ),
            *(
                "file:///etc/passwd",
                "javascript:alert(1)",
                "webapp:1.2.1",
                "localhost:5000/webapp",
                "https://example.com/a#b",
                "https://example.com/a?b=c/d",
                "update.gz?token=a/b",
            ),
            *(
                "up date.gz",
                "update.gz\n",
                "update\x00.gz",
                "a\\..\\b",
                "<update>",
                "üpdate.gz",
                "index.example.com/WebApp:1.2.1",
            ),
        ),
    ),
    "Package.sha256": Form(
        (SHA256,), ("", SHA256.upper(), SHA256[:-1], "tgLWMPCggYQNDKj8TTWBDkKAZkKzEnu3AtZcPfIn0PU=")
    ),
    "Package.sha1": Form((SHA1,), ("", SHA1.upper(), SHA1[:-1], "/nN0vd3i3fB/a/zHKNEV0UM4lks=")),
    "Package.signature": Form(("ixi6Oebo", "YQ==", "YWI="), ("", "ixi6Oeb", "ixi-Oebo", "ixi6\nOebo", "=YQ=")),
}
CHANGES: dict[str, Change] = {
    "Application.appId-immutable": Change(UUID, ("com.example.webapp",)),
    "Channel.applicationRef-immutable": OBJECT_CHANGE,
    "Channel.name-immutable": Change("stable", ("beta",)),
    "Group.applicationRef-immutable": OBJECT_CHANGE,
    "Group.track-immutable": Change("berlin", ("paris",)),
    "Package.applicationRef-immutable": OBJECT_CHANGE,
    "Package.version-immutable": Change("1.0.0", ("1.0.1",)),
    "Package.url-immutable": Change("update.gz", ("other.gz",)),
    "Package.size-immutable": Change(23, (24,)),
    "Package.sha256-immutable": Change(SHA256, (SHA256.replace("b", "c"),)),
    "Package.sha1-immutable": Change(SHA1, (SHA1.replace("f", "a"), None)),
    "Package.signature-immutable": Change("ixi6Oebo", ("YQ==", None)),
    "Package.metadataSize-immutable": Change(190, (191, None)),
    "Package.arch-immutable": Change("amd64", ("arm64", None)),
    "Package.extraFiles-immutable": Change([EXTRA_FILE], ([EXTRA_FILE | {"size": 8}], [], None)),
    "Package.actions-immutable": Change([ACTION], ([ACTION | {"arguments": "/quiet"}], [], None)),
}
ADDITIONS = {
    "Package.arch-immutable": "amd64",
    "Package.extraFiles-immutable": [EXTRA_FILE],
    "Package.actions-immutable": [ACTION],
    "Package.sha1-immutable": SHA1,
    "Package.signature-immutable": "YQ==",
    "Package.metadataSize-immutable": 190,
}
CONTRADICTIONS: dict[str, Form] = {
    f"Package.{field}-of-an-image": Form(
        (
            {field: []},
            {field: [item], "url": "1.2.1/webapp"},
            {field: [item], "url": "https://index.example.com/webapp"},
        ),
        ({field: [item], "url": IMAGE}, {field: [item], "url": "localhost/webapp@sha256:" + SHA256}),
    )
    for field, item in (("mirrors", "https://mirror.example.com/"), ("extraFiles", EXTRA_FILE))
} | {
    "Package.extraFiles-beside-the-payload": Form(
        ({"extraFiles": [EXTRA_FILE], "url": "1.2.1/an-oem-ami.gz"},),
        (
            {"extraFiles": [EXTRA_FILE], "url": "oem-ami.gz"},
            {"extraFiles": [EXTRA_FILE | {"name": "x"}, EXTRA_FILE], "url": "https://example.com/1/oem-ami.gz"},
        ),
    ),
}
MUTABLE = [
    (
        "Application",
        {
            "displayName": "Web",
            "description": "For customers",
            "packageBaseURL": "https://example.com/",
            "defaultGroupRef": {"name": "x"},
            "pollIntervalSeconds": 2700,
            "retryAfterSeconds": 60,
        },
    ),
    ("Channel", {"version": "1.1.0"}),
    (
        "Group",
        {
            "channelRef": {"name": "webapp-beta"},
            "paused": True,
            "rateLimit": {"maxUpdates": 2, "periodSeconds": 60},
            "maxInFlight": 1,
            "versionPolicy": {"allowDowngrade": True, "prefix": "1"},
            "exclude": {"oems": ["ami", "azure"]},
            "onDemand": "BypassLimits",
            "pollIntervalSeconds": 2700,
            "retryAfterSeconds": 60,
        },
    ),
    (
        "Package",
        {
            "displayName": "Web 1.0",
            "mirrors": ["https://mirror.example.com/"],
            "postinstall": {"needsAdmin": True, "deadline": "now", "maxFailureCountPerURL": 3},
        },
    ),
]
BY_NAME = {rule.name: rule for rule in rules.RULES}


def manifest(kind: str, spec: dict[str, Any], name: str = "subject") -> dict[str, Any]:
    return {"apiVersion": "updateservice.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def with_field(kind: str, path: tuple[str, ...], value: Any) -> dict[str, Any]:
    spec = copy.deepcopy(SPECS[kind])
    whole = value
    for name in reversed(path[1:]):
        whole = [whole] if name == "[]" else {**(ITEMS.get(path[0], {})), name: whole}
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


def assert_refused(status: int, answer: dict[str, Any], rule: rules.Rule, value: Any) -> None:
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
