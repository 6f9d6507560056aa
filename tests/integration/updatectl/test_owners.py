"""Fields that a GitOps tool owns: updatectl says whose they are and leaves them, unless it is told to take them."""

import json

import pytest


@pytest.fixture
def app(updatectl, kubectl, app_id) -> str:
    """An application whose channel and group come from a Git repository."""
    updatectl("update-app", app_id, "FakeApp", "-")
    meta = {"apiVersion": "updateservice.dev/v1alpha1"}
    reference = {"applicationRef": {"name": app_id}}
    channel = {**meta, "kind": "Channel", "metadata": {"name": "master"}}
    channel["spec"] = {**reference, "name": "master", "version": "1.0.0"}
    group = {**meta, "kind": "Group", "metadata": {"name": "fake1"}}
    limit = {"maxUpdates": 2, "periodSeconds": 60}
    group["spec"] = {**reference, "channelRef": {"name": "master"}, "track": "fake1", "rateLimit": limit}
    for obj in (channel, group):
        kubectl("apply", "--server-side", "--field-manager=flux", "-f", "-", input=json.dumps(obj))
    return app_id


def spec(kubectl, kind, name):
    return json.loads(kubectl("get", kind, name, "-o", "json").stdout)["spec"]


def test_a_version_that_flux_owns_stays_and_the_message_says_whose_it_is(updatectl, kubectl, app):
    refused = updatectl.fails("update-channel", app, "master", "1.1.0")

    assert "spec.version is owned by 'flux'" in refused
    assert "--force-conflicts" in refused
    assert spec(kubectl, "uchan", "master")["version"] == "1.0.0"


def test_a_promotion_by_force_takes_the_version_over(updatectl, kubectl, app):
    updatectl("update-channel", app, "master", "1.1.0", "--force-conflicts")

    assert spec(kubectl, "uchan", "master")["version"] == "1.1.0"
    assert "1.2.0" in updatectl("update-channel", app, "master", "1.2.0").stdout


def test_what_flux_says_nothing_about_is_anybodys(updatectl, kubectl, app):
    updatectl("pause-group", app, "fake1")

    assert spec(kubectl, "ugroup", "fake1")["paused"] is True
    assert spec(kubectl, "ugroup", "fake1")["rateLimit"] == {"maxUpdates": 2, "periodSeconds": 60}


def test_a_pause_that_flux_owns_is_not_lifted(updatectl, kubectl, app):
    group = json.loads(kubectl("get", "ugroup", "fake1", "-o", "json").stdout)
    desired = {key: group[key] for key in ("apiVersion", "kind")} | {"metadata": {"name": "fake1"}}
    desired["spec"] = group["spec"] | {"paused": True}
    kubectl("apply", "--server-side", "--field-manager=flux", "-f", "-", input=json.dumps(desired))

    assert "spec.paused is owned by 'flux'" in updatectl.fails("unpause-group", app, "fake1")
    assert spec(kubectl, "ugroup", "fake1")["paused"] is True


def test_a_rate_limit_that_flux_owns_goes_only_by_force(updatectl, kubectl, app):
    remove = ("update-group", "--update-count", "0", app, "fake1")

    assert "spec.rateLimit is owned by 'flux'" in updatectl.fails(*remove)
    assert "spec.rateLimit is owned by 'flux'" in updatectl.fails(*remove, "--dry-run=server")
    assert "rateLimit" in spec(kubectl, "ugroup", "fake1")

    updatectl(*remove, "--force-conflicts")
    assert "rateLimit" not in spec(kubectl, "ugroup", "fake1")


def test_a_rate_limit_of_updatectls_own_goes_without_force(updatectl, kubectl, app):
    updatectl("new-group", app, "master", "fake2", "More")
    updatectl("update-group", "--update-count", "2", "--update-interval", "60", app, "fake2")
    updatectl("update-group", "--update-count", "0", app, "fake2")

    assert "rateLimit" not in spec(kubectl, "ugroup", f"{app}-fake2")
