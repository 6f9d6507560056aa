"""Who asks, where, and with what right: each way in, and what is said when it doesn't open."""

import base64
import json
import socket

import pytest

from support.command_line import CommandLine


@pytest.fixture
def admin(control_plane, namespace, service_account):
    """updatectl as the guide calls it: -u, -k and -s, and no kubeconfig anywhere."""
    token = service_account("admin", "get", "list", "create", "patch", "delete")
    command_line = CommandLine({"UPDATECTL_CA": str(control_plane.ca_file)})
    return command_line, ("-u", "admin", "-k", token, "-s", control_plane.server)


def test_user_key_and_server_work_in_the_tokens_namespace(admin, app_id, kubectl):
    updatectl, who = admin

    updatectl(*who, "update-app", app_id, "FakeApp", "Fake app for testing")

    assert kubectl("get", "uapp", app_id, "-o", "name").stdout


def test_the_same_three_from_the_environment(admin, app_id):
    _, who = admin
    environment = {"UPDATECTL_USER": who[1], "UPDATECTL_KEY": who[3], "UPDATECTL_SERVER": who[5]}
    updatectl = CommandLine(admin[0].environment | environment)

    updatectl("update-app", app_id, "FakeApp", "Fake app for testing")

    assert app_id in updatectl("list-apps").stdout


def test_the_ca_is_found_in_the_kubeconfig_of_the_same_server(admin, control_plane):
    _, who = admin

    assert CommandLine({"KUBECONFIG": str(control_plane.kubeconfig)})(*who, "list-apps").stdout


def test_without_a_ca_the_server_is_not_trusted(admin):
    _, who = admin

    assert "--certificate-authority" in CommandLine().fails(*who, "list-apps")


@pytest.mark.parametrize("form", ["{name}", "{namespace}:{name}", "system:serviceaccount:{namespace}:{name}"])
def test_a_user_may_be_named_short_or_in_full(admin, namespace, form):
    updatectl, who = admin

    assert updatectl("-u", form.format(namespace=namespace, name="admin"), *who[2:], "list-apps").stdout


def test_a_token_of_somebody_else_is_refused_and_says_whose_it_is(admin, namespace):
    updatectl, who = admin

    said = updatectl.fails("-u", "alice", *who[2:], "list-apps")

    assert f"not alice's: it is the token of system:serviceaccount:{namespace}:admin" in said


def test_a_token_that_is_no_token_of_this_cluster_is_not_accepted(admin):
    updatectl, who = admin
    claims = (
        base64.urlsafe_b64encode(json.dumps({"sub": "system:serviceaccount:x:admin"}).encode()).decode().rstrip("=")
    )

    assert "does not accept these credentials" in updatectl.fails(
        *who[:2], "-k", f"e30.{claims}.eA", *who[4:], "list-apps"
    )
    assert "does not accept these credentials" in updatectl.fails(*who[:2], "-k", "opaque", *who[4:], "list-apps")


def test_a_missing_right_is_named(control_plane, service_account, app_id):
    token = service_account("viewer", "get", "list")
    viewer = CommandLine({"UPDATECTL_CA": str(control_plane.ca_file)})
    who = ("-u", "viewer", "-k", token, "-s", control_plane.server)

    assert viewer(*who, "list-apps").stdout
    said = viewer.fails(*who, "update-app", app_id, "FakeApp", "-")

    assert "not allowed" in said
    assert "viewer" in said
    assert "applications.updateservice.dev" in said


def test_a_server_that_is_not_there_is_named(admin):
    updatectl, who = admin
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"https://127.0.0.1:{free.getsockname()[1]}"

    said = updatectl.fails(*who[:4], "-s", address, "list-apps")

    assert "cannot reach the Kubernetes API" in said
    assert address.removeprefix("https://") in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(("-u", "admin"), "-u needs -k", id="user-without-key"),
        pytest.param(("-s", "https://127.0.0.1:1"), "-s needs -k", id="server-without-key"),
        pytest.param(("-k", "x", "-s", "127.0.0.1:1"), "https://", id="address-without-scheme"),
        pytest.param((), "no kubeconfig found", id="nothing"),
        pytest.param(("--kubeconfig", "/nonexistent/config"), "/nonexistent/config", id="no-such-kubeconfig"),
    ],
)
def test_what_is_missing_to_connect_is_said(arguments, says):
    assert says in CommandLine().fails(*arguments, "list-apps")


def test_an_unknown_context_lists_those_that_there_are(control_plane):
    said = CommandLine({"KUBECONFIG": str(control_plane.kubeconfig)}).fails("--context", "nowhere", "list-apps")

    assert "nowhere" in said
    assert "there are:" in said
