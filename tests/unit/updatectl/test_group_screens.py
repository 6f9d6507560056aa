"""`updatectl group status` and `group watch` as they are read, and when a rollout counts as complete."""

from datetime import UTC, datetime

import pytest

from updatectl.fleet import group_picture, group_screen, signs
from updatectl.fleet.group_picture import Picture

NOW = datetime(2026, 11, 23, 14, 40, 12, tzinfo=UTC)
APP_ID = "com.example.web"


def conditions(generation: int = 1, **found: str) -> list[dict]:
    """Conditions as type="Status Reason Message…", as the operator writes them of a generation."""
    since = {"lastTransitionTime": "2026-11-23T14:00:12Z", "observedGeneration": generation}
    parts = {kind: [*text.split(" ", 2), ""] for kind, text in found.items()}
    return [{"type": k, "status": p[0], "reason": p[1], "message": p[2], **since} for k, p in parts.items()]


def group(*, observed: int = 1, target: str = "1.1.0", spec: dict | None = None, counts: dict | None = None, **found):
    """A Group of generation 1 in rollout 3."""
    status = {
        "observedGeneration": observed,
        "conditions": conditions(observed, **{"Ready": "True Reconciled", **found}),
        "target": {"version": target},
        "rollout": {"sequence": 3, "version": target, "startedTime": "2026-11-23T14:00:12Z"},
    }
    if counts is not None:
        status["instances"] = counts
    references = {"applicationRef": {"name": "web"}, "channelRef": {"name": "web-stable"}, "track": "berlin"}
    metadata = {"name": "web-berlin", "namespace": "shop", "generation": 1}
    return {"metadata": metadata, "spec": references | (spec or {}), "status": status}


def progress(*, sequence: int = 3, **counts: int):
    """The fleet API's counts of the same."""
    return {"status": {"rollout": {"sequence": sequence}, "instances": counts}}


def channel(version: str = "1.1.0"):
    """The Channel that the Group follows."""
    return {"metadata": {"name": "web-stable"}, "spec": {"name": "stable", "version": version}}


MOVING = {"Progressing": "True RollingOut Under way.", "RolloutComplete": "False RollingOut Not everybody."}
DONE = {"Progressing": "False RolloutCompleted", "RolloutComplete": "True RolloutCompleted"}


def test_the_screen_tells_target_counts_limits_and_what_it_waits_for():
    limits = {"rateLimit": {"maxUpdates": 2, "periodSeconds": 60}, "maxInFlight": 5, "updateTimeoutSeconds": 3600}
    counts = progress(total=12, active=10, onTarget=3, inProgress=2, failed=1)
    picture = Picture(APP_ID, group(spec={"displayName": "Berlin", **limits}, **MOVING), counts, channel())

    assert list(group_screen.lines(picture, signs.UNICODE, NOW)) == [
        "Group berlin (Berlin) of application com.example.web: Progressing",
        "",
        "Object       shop/web-berlin",
        "Channel      stable → 1.1.0",
        "Target       1.1.0, rollout 3, begun 2026-11-23 14:00:12 UTC (40 min ago)",
        "Progress     ██████░░░░░░░░░░░░░░ 3 of 10 on target, 30 %",
        "Instances    12 known, 10 active, 3 on target, 2 in flight, 1 failed",
        "Limits       2 updates in any 1 min and 5 in flight at once; time-outs: 1 h for an update",
        "Waits for    7 active instances below the target, of which 2 in flight at most",
        "",
        "Condition        Status  Since       Reason      Message",
        "Ready            True    40 min ago  Reconciled",
        "Progressing      True    40 min ago  RollingOut  Under way.",
        "RolloutComplete  False   40 min ago  RollingOut  Not everybody.",
    ]


@pytest.mark.parametrize(
    ("spec", "row"),
    [
        pytest.param(
            {"exclude": {"oems": ["ami", "azure"]}, "onDemand": "Respect"},
            "Serves       no instance with OEM ami or azure",
            id="OEMs",
        ),
        pytest.param(
            {"versionPolicy": {"prefix": "1.", "allowDowngrade": True}, "onDemand": "BypassLimits"},
            "Serves       versions that begin with 1. only; lower ones to who asks for a rollback; checks on demand past the rate",
            id="versions",
        ),
        pytest.param({"versionPolicy": {"allowDowngrade": False}, "exclude": {}}, None, id="everybody with everything"),
    ],
)
def test_the_screen_tells_whom_a_group_serves_if_that_is_not_everybody(spec, row):
    screen = list(group_screen.lines(Picture(APP_ID, group(spec=spec), channel=channel()), signs.ASCII, NOW))

    assert [line for line in screen if line.startswith("Serves")] == ([row] if row else [])


def test_without_unicode_the_screen_is_ascii():
    picture = Picture(APP_ID, group(**MOVING), progress(active=2, onTarget=1), channel())

    assert "\n".join(group_screen.lines(picture, signs.ASCII, NOW)).isascii()


def test_without_the_fleet_api_the_operators_counts_are_shown_and_called_old():
    picture = Picture(APP_ID, group(counts={"active": 4, "onTarget": 1}, **MOVING), channel=channel(), trouble="away")

    screen = "\n".join(group_screen.lines(picture, signs.ASCII, NOW))
    assert "1 of 4 on target" in screen
    assert "away: the counts may be old" in screen
    assert group_screen.line(picture) == "1.1.0  1/4 on target  Progressing  (away)"


def test_counts_of_an_earlier_rollout_say_nothing_of_this_one():
    earlier = progress(sequence=2, active=10, onTarget=10)
    picture = Picture(APP_ID, group(counts={"active": 10, "onTarget": 0}, **MOVING), earlier, channel())

    assert group_screen.line(picture).startswith("1.1.0  0/10 on target")


@pytest.mark.parametrize(
    ("found", "version", "state"),
    [
        pytest.param(group(**DONE), "1.1.0", "Complete", id="complete"),
        pytest.param(group(**DONE), "1.1.0.0", "Complete", id="the-same-version-in-another-notation"),
        pytest.param(group(**DONE), "1.2.0", "Pending", id="complete-before-the-channel-moved"),
        pytest.param(group(observed=0, **DONE), "1.1.0", "Pending", id="complete-before-the-spec-changed"),
        pytest.param(group(**MOVING), "1.1.0", "Progressing", id="moving"),
        pytest.param(group(spec={"paused": True}, **MOVING), "1.1.0", "Paused", id="paused"),
        pytest.param(group(Ready="False Conflict Two have it."), "1.1.0", "NotReady", id="not-ready"),
        pytest.param(None, "1.1.0", "Deleted", id="deleted"),
        pytest.param(
            {key: value for key, value in group().items() if key != "status"}, "1.1.0", "Pending", id="never-reconciled"
        ),
    ],
)
def test_the_state_is_about_what_the_channel_names_now(found, version, state):
    picture = Picture(APP_ID, found, channel=channel(version))

    assert group_picture.state(picture) == state
    assert picture.complete is (state == "Complete")
    assert list(group_screen.lines(picture, signs.ASCII, NOW))


@pytest.mark.parametrize(
    ("picture", "says"),
    [
        pytest.param(Picture(APP_ID, group(**DONE), channel=channel()), [], id="nothing"),
        pytest.param(
            Picture(APP_ID, group(Ready="False Conflict Two have the track."), channel=channel()),
            ["a correction: Two have the track."],
            id="correction",
        ),
        pytest.param(
            Picture(
                APP_ID, group(PackageAvailable="False PackageNotFound No Package 1.2.0."), channel=channel("1.2.0")
            ),
            ["a package: No Package 1.2.0."],
            id="package",
        ),
        pytest.param(
            Picture(APP_ID, group(**DONE), channel=channel("1.2.0")),
            ["the operator, which has yet to begin the rollout to 1.2.0"],
            id="operator",
        ),
        pytest.param(
            Picture(APP_ID, group(spec={"paused": True}, **MOVING), progress(active=2, onTarget=1), channel()),
            [
                "`updatectl group unpause com.example.web berlin`",
                "1 active instance below the target, of which 0 in flight at most",
            ],
            id="paused",
        ),
        pytest.param(
            Picture(APP_ID, group(spec={"versionPolicy": {"prefix": "2"}}, **MOVING), channel=channel()),
            [
                "a version of the channel that begins with 2, or `updatectl group update com.example.web berlin --version-prefix P`"
            ],
            id="outside-the-prefix",
        ),
        pytest.param(
            Picture(APP_ID, group(spec={"versionPolicy": {"prefix": "1.1"}}, **DONE), channel=channel()),
            [],
            id="inside-the-prefix",
        ),
        pytest.param(
            Picture(APP_ID, group(**MOVING), progress(total=3, active=0), channel()),
            ["an instance that checks for updates"],
            id="nobody-active",
        ),
    ],
)
def test_what_a_group_waits_for_is_said_in_words(picture, says):
    assert group_picture.waits(picture) == says
