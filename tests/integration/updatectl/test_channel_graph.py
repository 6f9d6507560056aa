"""The way to a version at the command line: floors, withdrawn packages, blocked versions, and the graph that they make."""

import json

import pytest

SUM = "ab" * 32
TREE = """\
Channel stable of APP: 2.0.0, group berlin

2.0.0  target, from 1.5.0 on
├── 1.8.0  floor: key rotation
│   └── 1.5.0  floor
│       ├── 1.0.0
│       └── 1.2.0
└── 1.9.0

Held up:
  0.9.0  ✗ DeadEnd: no room

Above 2.0.0, and stays: 2.1.0
"""


def package(version, **spec):
    """A Package as a manifest."""
    body = {"applicationRef": {"name": "app"}, "version": version, "url": f"{version}.gz", "size": 1, "sha256": SUM}
    return manifest("Package", f"app-{version}", body | spec)


def manifest(kind, name, spec):
    return {"apiVersion": "updateservice.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


@pytest.fixture
def app(updatectl, kubectl, app_id) -> str:
    """Packages from 0.9.0 to 2.1.0; channel stable at 2.0.0 by way of 1.5.0 and 1.8.0; group berlin on it."""
    objects = [
        manifest("Application", "app", {"appId": app_id}),
        *map(package, ("1.0.0", "1.2.0", "1.5.0", "1.8.0", "1.9.0", "2.1.0")),
        package("0.9.0", deadEnd={"reason": "no room"}),
        package("2.0.0", minFromVersion="1.5.0"),
    ]
    kubectl("apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    floors = ("--floor", "1.5.0", "--floor", "1.8.0=key rotation")
    updatectl("channel", "create", app_id, "stable", "--version", "2.0.0", *floors)
    updatectl("group", "create", app_id, "berlin", "--channel", "stable")
    return app_id


@pytest.fixture
def spec(updatectl, app):
    """Runs `NOUN update APP_ID NAME` with options; the spec after it."""

    def run(noun: str, name: str, *options: str):
        return json.loads(updatectl(noun, "update", app, name, *options, "-o", "json").stdout)["spec"]

    return run


def test_the_tree_hangs_on_the_target_and_what_is_held_up_stands_beside_it(updatectl, app):
    assert updatectl("channel", "graph", app, "stable", "--group", "berlin").stdout == TREE.replace("APP", app)


def test_what_is_blocked_or_withdrawn_is_drawn_with_all_that_it_holds_up(updatectl, app):
    updatectl("package", "update", app, "1.5.0", "--withdraw", "loses keys")
    updatectl("group", "update", app, "berlin", "--block", "2.0.0")

    drawn = updatectl("channel", "graph", app, "stable", "--group", "berlin").stdout
    assert "  1.0.0  ✗ Withdrawn: 1.5.0 is withdrawn: loses keys\n" in drawn
    assert "  1.8.0  floor: key rotation  ✗ VersionBlocked: the group blocks 2.0.0\n  └── 1.5.0  floor" in drawn
    # Without the group nothing is blocked.
    assert "VersionBlocked" not in updatectl("channel", "graph", app, "stable").stdout


def test_the_way_of_one_instance_is_told_hop_by_hop(updatectl, app):
    assert updatectl("channel", "graph", app, "stable", "--from", "1.3").stdout.splitlines() == [
        "1.3",
        "→ 1.5.0  floor",
        "→ 1.8.0  floor: key rotation",
        "→ 2.0.0  target, from 1.5.0 on",
    ]
    found = json.loads(updatectl("channel", "graph", app, "stable", "--from", "0.9.0", "-o", "json").stdout)
    assert (found["from"], found["reaches"]) == ("0.9.0", False)
    (only,) = found["path"]
    assert only == {
        "version": "0.9.0",
        "next": "1.5.0",
        "reason": "DeadEnd",
        "message": "no room",
        "deadEnd": "no room",
    }


def test_programs_get_every_version_with_its_next(updatectl, app):
    found = json.loads(updatectl("channel", "graph", app, "stable", "-o", "json").stdout)

    assert (found["appId"], found["channel"], found["target"]) == (app, "stable", "2.0.0")
    assert {node["version"]: node.get("next") for node in found["versions"]} == {
        "0.9.0": "1.5.0",
        "1.0.0": "1.5.0",
        "1.2.0": "1.5.0",
        "1.5.0": "1.8.0",
        "1.8.0": "2.0.0",
        "1.9.0": "2.0.0",
        "2.0.0": None,
        "2.1.0": None,
    }
    assert found["versions"][4] == {"version": "1.8.0", "next": "2.0.0", "floor": True, "floorReason": "key rotation"}


def test_graphviz_gets_an_edge_for_every_hop_and_a_dashed_one_where_nobody_goes(updatectl, app):
    lines = updatectl("channel", "graph", app, "stable", "--dot").stdout.splitlines()

    assert (lines[0], lines[-1]) == (f'digraph "{app} stable" {{', "}")
    assert '  "1.8.0" -> "2.0.0";' in lines
    assert '  "0.9.0" -> "1.5.0" [style=dashed, label="DeadEnd"];' in lines
    assert '  "1.8.0" [label="1.8.0\\nfloor: key rotation", style=rounded];' in lines
    assert len([line for line in lines if "->" in line]) == 6


def test_a_floor_is_added_changed_and_taken_away(spec):
    assert spec("channel", "stable", "--floor", "1.5.0=partitions", "--floor", "1.2.0")["floors"] == [
        {"version": "1.5.0", "reason": "partitions"},
        {"version": "1.8.0", "reason": "key rotation"},
        {"version": "1.2.0"},
    ]
    assert spec("channel", "stable", "--no-floors", "--floor", "1.2.0")["floors"] == [{"version": "1.2.0"}]
    assert spec("channel", "stable", "--version", "2.1.0")["floors"] == [{"version": "1.2.0"}]
    assert "floors" not in spec("channel", "stable", "--no-floors")


def test_a_floor_that_another_manager_owns_stays_beside_ours(updatectl, kubectl, app, spec):
    theirs = manifest("Channel", "app-stable", {"floors": [{"version": "1.2.0"}]})
    kubectl("apply", "--server-side", "--field-manager=flux", "-f", "-", input=json.dumps(theirs))

    assert [floor["version"] for floor in spec("channel", "stable", "--floor", "1.9.0")["floors"]] == [
        "1.5.0",
        "1.8.0",
        "1.2.0",
        "1.9.0",
    ]
    for options in (("--no-floors",), ("--no-floors", "--floor", "1.9.0")):
        assert "owned by 'flux'" in updatectl.fails("channel", "update", app, "stable", *options)


def test_what_packages_say_of_themselves_is_set_and_taken_back(spec):
    said = spec("package", "1.0.0", "--withdraw", "loses data", "--dead-end", "no room", "--min-from", "0.9.0")
    assert (said["withdrawn"], said["deadEnd"], said["minFromVersion"]) == (
        {"reason": "loses data"},
        {"reason": "no room"},
        "0.9.0",
    )
    left = spec("package", "1.0.0", "--no-withdraw", "--min-from", "")
    assert {"withdrawn", "deadEnd", "minFromVersion"} & left.keys() == {"deadEnd"}
    assert "deadEnd" not in spec("package", "1.0.0", "--no-dead-end")


def test_versions_are_blocked_and_unblocked_beside_the_rest_of_the_policy(spec):
    spec("group", "berlin", "--version-prefix", "1", "--block", "1.5.0", "--block", "1.6.0")

    policy = spec("group", "berlin", "--unblock", "1.5", "--block", "1.7.0")["versionPolicy"]
    assert policy == {"allowDowngrade": False, "prefix": "1", "blockedVersions": ["1.6.0", "1.7.0"]}
    policy = spec("group", "berlin", "--unblock", "1.6.0", "--unblock", "1.7.0")["versionPolicy"]
    assert policy == {"allowDowngrade": False, "prefix": "1"}


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["channel", "update", "APP", "stable"], 2, "give --version, --floor or --no-floors"),
        (["channel", "update", "APP", "stable", "--floor", "=why"], 2, "VERSION=REASON"),
        (["channel", "graph", "APP", "stable", "--from", "garbage"], 2, "neither a semantic version"),
        (["channel", "graph", "APP", "stable", "--from", "1.0", "--dot"], 2, "give one of them"),
        (["channel", "graph", "APP", "nope"], 1, "has no channel nope"),
        (["package", "update", "APP", "1.0.0", "--withdraw", "a", "--no-withdraw"], 2, "opposite things"),
        (["package", "update", "APP", "1.0.0", "--dead-end", " "], 2, "needs a reason"),
    ],
    ids=["nothing", "floor without a version", "no version", "two forms", "no channel", "contradiction", "no reason"],
)
def test_mistakes_are_explained(updatectl, app, words, code, says):
    said = updatectl.fails(*[app if word == "APP" else word for word in words], code=code)

    assert says in " ".join(said.replace("│", " ").split())


def test_an_architecture_is_asked_for_where_packages_are_for_single_ones(updatectl, app_id):
    updatectl("app", "create", app_id)
    payload = ("--path", "a.gz", "--size", "1", "--sha256sum", SUM)
    updatectl("package", "create", app_id, "2.0.0", "--arch", "arm64", *payload)
    updatectl("channel", "create", app_id, "stable", "--version", "2.0.0", "--floor", "1.5.0")
    assert updatectl("channel", "graph", app_id, "stable").stdout.startswith(
        f"Channel stable of {app_id}: 2.0.0, arm64"
    )

    updatectl("package", "create", app_id, "2.0.0", "--arch", "amd64", *payload)
    updatectl("package", "create", app_id, "1.5.0", "--arch", "amd64", *payload)
    assert "say for which to draw with --arch" in updatectl.fails("channel", "graph", app_id, "stable")
    of_arm64 = ("channel", "graph", app_id, "stable", "--arch", "aarch64", "--from", "1.0.0")
    assert "Excluded: 1.5.0 has no Package for arm64" in updatectl(*of_arm64).stdout
