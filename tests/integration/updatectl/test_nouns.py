"""Nouns and verbs: what each says, shows and refuses, against a real API server."""

import json

import pytest
import yaml

from support.command_line import cells

PAYLOAD = ("--url", "https://example.com/a/update.gz", "--size", "23", "--sha256sum", "ab" * 32)


@pytest.fixture
def app(updatectl, app_id) -> str:
    """An application with a channel, a group and a package."""
    updatectl("app", "create", app_id, "--label", "FakeApp")
    updatectl("channel", "create", app_id, "master", "--version", "1.0.0")
    updatectl("group", "create", app_id, "fake1", "--channel", "master", "--label", "Fake Clients")
    updatectl("package", "create", app_id, "1.0.0", *PAYLOAD)
    return app_id


def test_each_noun_lists_and_gets_what_was_created(updatectl, app):
    assert cells(updatectl("app", "get", app).stdout.splitlines()[1]) == [app, "FakeApp", "-"]
    assert cells(updatectl("channel", "get", app, "master").stdout.splitlines()[1]) == ["master", "1.0.0"]
    assert cells(updatectl("group", "get", app, "fake1").stdout.splitlines()[1])[:4] == [
        "Fake Clients",
        app,
        "master",
        "fake1",
    ]
    assert cells(updatectl("package", "get", app, "1.0.0").stdout.splitlines()[1]) == ["1.0.0", PAYLOAD[1], "23"]
    for noun in ("channel", "group", "package"):
        assert len(updatectl(noun, "list", app).stdout.splitlines()) == 2
        assert "Ready" in updatectl(noun, "list", app, "-o", "wide").stdout.splitlines()[0]


def test_the_flags_of_the_original_stand_in_for_arguments(updatectl, app):
    changed = updatectl("group", "update", "--app-id", app, "--group-id", "fake1", "--max-in-flight=3", "-o", "json")

    assert json.loads(changed.stdout)["spec"]["maxInFlight"] == 3
    assert updatectl("channel", "get", "--app-id", app, "--channel", "master").stdout


def test_global_options_may_stand_after_the_command(updatectl, app, namespace, control_plane):
    elsewhere = ("app", "list", "--kubeconfig", str(control_plane.kubeconfig))

    assert app in updatectl(*elsewhere, "-n", namespace).stdout
    assert app not in updatectl(*elsewhere, "--namespace=default").stdout
    assert app in updatectl("-n", namespace, *elsewhere).stdout


def test_creating_what_exists_says_so(updatectl, app):
    assert f"app {app} exists already" in updatectl.fails("app", "create", app)
    assert "channel" in updatectl.fails("channel", "create", app, "master", "--version", "1.0.0")
    assert "exists already" in updatectl.fails("group", "create", app, "fake1", "--channel", "master")
    assert "exists already" in updatectl.fails("package", "create", app, "1.0.0", *PAYLOAD)


def test_changing_what_is_missing_says_how_to_make_it(updatectl, app):
    other = "com.example.other"
    assert f"updatectl app create {other}" in updatectl.fails("app", "update", other, "--label", "x")
    assert f"create-app {other}" in updatectl.fails("list-groups", other)
    assert f"updatectl group create {app} fake2" in updatectl.fails("group", "update", app, "fake2", "--label", "x")
    assert f"updatectl channel create {app} beta" in updatectl.fails(
        "channel", "update", app, "beta", "--version", "1.1.0"
    )
    assert "has no channel beta" in updatectl.fails("group", "update", app, "fake1", "--channel", "beta")
    assert "has no package 2.0.0" in updatectl.fails("package", "delete", app, "2.0.0")


def test_a_name_taken_by_another_identity_is_left_alone(updatectl, kubectl, app):
    squatter = {
        "apiVersion": "updateservice.dev/v1alpha1",
        "kind": "Group",
        "metadata": {"name": f"{app}-fake2"},
        "spec": {"applicationRef": {"name": app}, "channelRef": {"name": f"{app}-master"}, "track": "another"},
    }
    kubectl("create", "-f", "-", input=json.dumps(squatter))

    refused = updatectl.fails("group", "create", app, "fake2", "--channel", "master")

    assert f"the name {app}-fake2 is taken by another Group" in refused
    assert updatectl("group", "get", app, "another").stdout


def test_objects_are_found_by_identity_however_they_are_named(updatectl, kubectl, app):
    kubectl("delete", "uchan", f"{app}-master")
    channel = {
        "apiVersion": "updateservice.dev/v1alpha1",
        "kind": "Channel",
        "metadata": {"name": "by-hand"},
        "spec": {"applicationRef": {"name": app}, "name": "a=b, c", "version": "1.0.0"},
    }
    kubectl("apply", "--server-side", "--field-manager=updatectl", "-f", "-", input=json.dumps(channel))

    updatectl("channel", "update", app, "a=b, c", "--version", "1.1.0")

    assert kubectl("get", "uchan", "by-hand", "-o", "jsonpath={.spec.version}").stdout == "1.1.0"


def test_machine_readable_forms_parse_and_hold_what_kubectl_shows(updatectl, kubectl, app):
    listed = json.loads(updatectl("group", "list", app, "-o", "json").stdout)
    assert (listed["kind"], listed["apiVersion"], len(listed["items"])) == ("List", "v1", 1)
    assert listed["items"][0] == json.loads(kubectl("get", "ugroup", f"{app}-fake1", "-o", "json").stdout)
    assert yaml.safe_load(updatectl("group", "list", app, "-o", "yaml").stdout) == listed
    assert yaml.safe_load(updatectl("channel", "get", app, "master", "-o", "yaml").stdout)["spec"]["name"] == "master"
    assert updatectl("package", "list", app, "-o", "name").stdout == kubectl("get", "upkg", "-o", "name").stdout
    assert json.loads(updatectl("list-apps", "-n", "default", "-o", "json").stdout)["kind"] == "List"


def test_a_dry_run_answers_and_writes_nothing(updatectl, kubectl, app):
    before = kubectl("get", "uapp,uchan,ugroup,upkg", "-o", "json", "--show-managed-fields").stdout

    commands = [
        ("app", "create", "com.example.other", "--label", "x"),
        ("update-app", app, "Another", "label"),
        ("update-channel", app, "master", "1.1.0"),
        ("new-group", app, "master", "fake2", "More"),
        ("pause-group", app, "fake1"),
        ("new-package", app, "1.1.0", *PAYLOAD),
        ("update-group", "--update-count", "2", "--update-interval", "60", app, "fake1"),
        ("delete-group", app, "fake1"),
        ("delete-app", app),
    ]
    for command in commands:
        assert "(server dry run)" in updatectl(*command, "--dry-run=server").stderr

    assert kubectl("get", "uapp,uchan,ugroup,upkg", "-o", "json", "--show-managed-fields").stdout == before


def test_what_the_schema_refuses_is_said_field_by_field(updatectl, app):
    assert "version" in updatectl.fails("update-channel", app, "master", "not a version")
    assert "packageBaseURL" in updatectl.fails("app", "update", app, "--package-base-url", "ftp://example.com/")
    changed = updatectl.fails(
        "new-package", app, "1.0.0", "--path", "other.gz", "--size", "24", "--sha256sum", "cd" * 32
    )
    assert "the server refuses it" in changed
    assert "can't be changed" in changed


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(("update-app", "not an id", "x", "y"), "no application id", id="appId"),
        pytest.param(
            ("package", "create", "a.b", "1", *PAYLOAD[:4], "--sha256sum", "abc"), "64 hexadecimal", id="digest"
        ),
        pytest.param(("package", "create", "a.b", "1", *PAYLOAD, "--path", "x"), "either --url", id="url-and-path"),
        pytest.param(
            ("package", "create", "a.b", "1", "--url", "https://x/y"), "--size and --sha256sum", id="no-digest"
        ),
        pytest.param(("group", "update", "a.b", "fake1"), "nothing to change", id="nothing"),
        pytest.param(("list-groups",), "APP_ID", id="missing-argument"),
        pytest.param(("list-apps", "-o", "xml"), "xml", id="format"),
        pytest.param(("list-apps", "--frobnicate"), "--frobnicate", id="option"),
    ],
)
def test_wrong_usage_ends_with_2_before_anything_is_sent(updatectl, arguments, says):
    assert says in updatectl.fails(*arguments, code=2)


def test_an_unknown_command_ends_with_3_and_the_nearest_one(updatectl):
    said = updatectl.fails("list-app", code=3)

    assert 'unknown command "list-app"' in said
    assert "list-apps" in said
    assert "pause" in updatectl.fails("group", "pausee", code=3)


def test_a_payload_measured_from_its_file_has_its_size_and_digests(payload_file, updatectl, app):
    updatectl("package", "create", app, "1.1.0", "--path", "update.gz", "--file", str(payload_file))

    spec = json.loads(updatectl("package", "get", app, "1.1.0", "-o", "json").stdout)["spec"]
    assert spec["size"] == 5
    assert spec["sha1"] == "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"
    assert spec["sha256"] == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


def test_a_default_group_is_set_by_its_id(updatectl, app):
    changed = updatectl("app", "update", app, "--default-group", "fake1", "-o", "json")
    assert json.loads(changed.stdout)["spec"]["defaultGroupRef"] == {"name": f"{app}-fake1"}

    removed = updatectl("app", "update", app, "--default-group", "", "-o", "json")
    assert "defaultGroupRef" not in json.loads(removed.stdout)["spec"]


@pytest.fixture
def payload_file(tmp_path):
    """A payload of five bytes."""
    file = tmp_path / "update.gz"
    file.write_bytes(b"hello")
    return file
