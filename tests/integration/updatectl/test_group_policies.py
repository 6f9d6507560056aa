"""Whom a group serves, with which versions, and when its instances come again: set, changed alone, taken away."""

import json

import pytest


@pytest.fixture
def app(updatectl, app_id) -> str:
    """An application with a channel."""
    updatectl("app", "create", app_id)
    updatectl("channel", "create", app_id, "master", "--version", "1.0.0")
    return app_id


@pytest.fixture
def group(updatectl, app):
    """Runs `group VERB APP_ID fake1` with options; the spec after it."""

    def run(verb: str, *options: str):
        return json.loads(updatectl("group", verb, app, "fake1", *options, "-o", "json").stdout)["spec"]

    return run


EVERYTHING = (
    *("--oem-blacklist", "ami, azure,ami", "--exclude-oem", "gce", "--allow-downgrade", "--version-prefix", "1.2."),
    *("--on-demand", "BypassLimits", "--poll-interval", "2700", "--retry-after", "60"),
)
FIELDS = {
    "exclude": {"oems": ["ami", "azure", "gce"]},
    "versionPolicy": {"allowDowngrade": True, "prefix": "1.2."},
    "onDemand": "BypassLimits",
    "pollIntervalSeconds": 2700,
    "retryAfterSeconds": 60,
}


def test_a_group_is_created_with_all_of_it(group):
    assert group("create", "--channel", "master", *EVERYTHING).items() >= FIELDS.items()


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        pytest.param(("--label", "Fake"), {"displayName": "Fake"}, id="something else"),
        pytest.param(("--exclude-oem", "gce"), {"exclude": {"oems": ["gce"]}}, id="OEMs"),
        pytest.param(
            ("--no-allow-downgrade",), {"versionPolicy": {"allowDowngrade": False, "prefix": "1.2."}}, id="downgrade"
        ),
        pytest.param(
            ("--version-prefix", "1.3$"), {"versionPolicy": {"allowDowngrade": True, "prefix": "1.3$"}}, id="prefix"
        ),
        pytest.param(("--version-prefix", ""), {"versionPolicy": {"allowDowngrade": True}}, id="prefix taken away"),
        pytest.param(("--on-demand", "Respect"), {"onDemand": "Respect"}, id="on demand"),
        pytest.param(("--poll-interval", "900"), {"pollIntervalSeconds": 900}, id="interval"),
    ],
)
def test_what_is_not_named_stays(group, options, changed):
    group("create", "--channel", "master", *EVERYTHING)

    assert group("update", *options).items() >= (FIELDS | changed).items()


def test_everything_can_be_taken_away_again(group):
    group("create", "--channel", "master", *EVERYTHING)
    left = group("update", "--oem-blacklist", "", "--poll-interval", "0", "--retry-after", "0", "--version-prefix", "")

    assert not left.get("exclude", {}).get("oems")
    assert left["versionPolicy"] == {"allowDowngrade": True}
    assert not {"pollIntervalSeconds", "retryAfterSeconds"} & left.keys()


def test_a_prefix_that_another_manager_owns_stays_and_so_does_it_beside_ours(updatectl, kubectl, app, group):
    group("create", "--channel", "master")
    theirs = {
        "apiVersion": "updateservice.dev/v1alpha1",
        "kind": "Group",
        "metadata": {"name": f"{app}-fake1"},
        "spec": {"versionPolicy": {"prefix": "1"}},
    }
    kubectl("apply", "--server-side", "--field-manager=flux", "-f", "-", input=json.dumps(theirs))

    assert group("update", "--allow-downgrade")["versionPolicy"] == {"allowDowngrade": True, "prefix": "1"}
    refused = updatectl.fails("group", "update", app, "fake1", "--version-prefix", "")
    assert "spec.versionPolicy.prefix is owned by 'flux'" in refused
    assert "spec.versionPolicy.prefix" in updatectl.fails("group", "update", app, "fake1", "--version-prefix", "2")
    # Theirs can still be changed by them alone: we never became an owner.
    theirs["spec"]["versionPolicy"]["prefix"] = "3"
    kubectl("apply", "--server-side", "--field-manager=flux", "-f", "-", input=json.dumps(theirs))


def test_the_table_shows_who_is_left_out(updatectl, group, app):
    group("create", "--channel", "master", *EVERYTHING)

    wide = updatectl("group", "list", app, "-o", "wide").stdout.splitlines()
    assert "ExcludedOEMs" in wide[0]
    assert "ami,azure,gce" in wide[1]


def test_an_application_says_when_instances_come_again(updatectl, app):
    def updated(*options: str):
        return json.loads(updatectl("app", "update", app, *options, "-o", "json").stdout)["spec"]

    assert updated("--poll-interval", "2700", "--retry-after", "60").items() >= {"pollIntervalSeconds": 2700}.items()
    assert updated("--poll-interval", "0").get("retryAfterSeconds") == 60
    assert "pollIntervalSeconds" not in updated("--label", "Web")
    assert "pollIntervalSeconds" in updatectl.fails("app", "update", app, "--poll-interval", "5")


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        pytest.param(("--on-demand", "Never"), 2, "Never", id="on demand"),
        pytest.param(("--version-prefix", "one"), 1, "beginning of a version", id="prefix"),
        pytest.param(("--poll-interval", "59"), 1, "pollIntervalSeconds", id="interval"),
        pytest.param(("--poll-interval", "-1"), 2, "--poll-interval", id="negative"),
        pytest.param((), 2, "nothing to change", id="nothing"),
    ],
)
def test_what_cannot_be_is_refused(updatectl, group, app, options, code, says):
    group("create", "--channel", "master")

    assert says in updatectl.fails("group", "update", app, "fake1", *options, code=code)
