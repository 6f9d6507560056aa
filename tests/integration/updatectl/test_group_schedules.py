"""A group's windows and freezes as a person sets, sees and takes them away, against a real API server."""

import json

import pytest
import yaml

NIGHTS = {"days": ["Saturday", "Sunday"], "startTime": "02:00", "durationSeconds": 14400, "timeZone": "Europe/Berlin"}
DAILY = {
    "days": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    "startTime": "22:30",
    "durationSeconds": 5400,
    "timeZone": "UTC",
}
TYPED = ("--window", "Sat,Sun 02:00 4h Europe/Berlin", "--window", "daily 22:30 90m UTC")
FREEZE = ("--freeze", "2026-12-20T00:00Z/2027-01-04T00:00+01:00=holidays")
FROZEN = {"start": "2026-12-20T00:00:00Z", "end": "2027-01-04T00:00:00+01:00", "reason": "holidays"}


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


def test_a_group_is_created_with_windows_and_freezes(group):
    spec = group("create", "--channel", "master", *TYPED, *FREEZE)

    assert (spec["maintenanceWindows"], spec["freezes"]) == ([NIGHTS, DAILY], [FROZEN])


def test_what_is_given_replaces_what_was_and_what_is_not_named_stays(group):
    group("create", "--channel", "master", *TYPED, *FREEZE)

    changed = group("update", "--window", "Sat,Sun 02:00 4h Europe/Berlin")
    assert (changed["maintenanceWindows"], changed["freezes"]) == ([NIGHTS], [FROZEN])
    assert group("update", "--label", "Fake")["maintenanceWindows"] == [NIGHTS]
    changed = group("update", "--no-windows", "--no-freezes")
    assert not {"maintenanceWindows", "freezes"} & {field for field, value in changed.items() if value}


def test_what_yaml_shows_can_be_applied_again(updatectl, kubectl, group, app):
    group("create", "--channel", "master", *TYPED, *FREEZE)
    shown = updatectl("group", "get", app, "fake1", "-o", "yaml").stdout
    wanted = yaml.safe_load(shown)
    updatectl("group", "delete", app, "fake1")
    for field in ("uid", "resourceVersion", "creationTimestamp", "generation"):
        wanted["metadata"].pop(field)

    kubectl("apply", "-f", "-", input=yaml.safe_dump(wanted))

    assert group("get")["maintenanceWindows"] == [NIGHTS, DAILY]
    assert group("get")["freezes"] == [FROZEN]


def test_the_wide_table_shows_them_as_they_can_be_typed(updatectl, group, app):
    group("create", "--channel", "master", *TYPED, *FREEZE)
    wide = updatectl("group", "get", app, "fake1", "-o", "wide").stdout

    assert "Sat,Sun 02:00 4h Europe/Berlin; daily 22:30 1h30m UTC" in wide
    assert "2026-12-20T00:00:00Z/2027-01-04T00:00:00+01:00=holidays" in wide


@pytest.mark.parametrize(
    ("options", "says"),
    [
        pytest.param(("--window", "Sat 02:00 4h Berlin"), "did you mean Europe/Berlin", id="zone"),
        pytest.param(("--window", "Sat 02:00 4h UTC", "--no-windows"), "contradict each other", id="both"),
        pytest.param(("--freeze", "2026-12-20"), "write start and end, such as --freeze", id="freeze"),
    ],
)
def test_what_cannot_be_read_changes_nothing_and_says_what_to_write(updatectl, group, app, options, says):
    before = group("create", "--channel", "master", *TYPED)

    refused = updatectl("group", "update", app, "fake1", *options, check=False)

    assert refused.returncode == 2
    assert says in " ".join(refused.stderr.split())
    assert group("get") == before
