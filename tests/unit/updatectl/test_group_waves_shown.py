"""A rollout in waves as `updatectl group status` shows it and `group watch` tells it: how waves stand, what halts it, what has happened."""

from datetime import UTC, datetime

import pytest

from updatectl.fleet import group_picture, group_rollout, group_screen, group_transitions, group_waves, signs
from updatectl.fleet.group_picture import Picture

NOW = datetime(2026, 11, 23, 14, 40, 0, tzinfo=UTC)
BEGUN = "2026-11-23T14:00:00Z"
WAVES = [
    {"name": "canary", "instances": 20, "bakeSeconds": 3600},
    {"name": "early", "percent": "2.5", "match": [{"attribute": "board", "values": ["amd64-usr"]}]},
    {"name": "late", "percent": 50, "approval": "Required"},
]
CANARY = {"name": "canary", "cap": 20, "openedTime": BEGUN, "expected": 18}
SETTLED = CANARY | {"settledTime": "2026-11-23T14:30:00Z"}
EARLY = {"name": "early", "threshold": 25_000, "openedTime": BEGUN, "expected": 40}
HALTED = {
    "time": "2026-11-23T14:35:00Z",
    "reason": "FailurePercent",
    "message": "6 of 20 failed.",
    "wave": "canary",
    "errors": [{"code": 9, "count": 5}, {"code": 44, "count": 1}],
}


def group(*opened: dict, spec: dict | None = None, channel: str = "web-stable", **rollout) -> dict:
    """A Group in rollout 3 to 1.1.0, with these waves open."""
    stamped = {"sequence": 3, "version": "1.1.0", "salt": "5a17", "startedTime": BEGUN, "open": list(opened)}
    references = {"applicationRef": {"name": "web"}, "channelRef": {"name": channel}, "track": "berlin"}
    return {
        "metadata": {"name": "web-berlin", "namespace": "shop", "generation": 1},
        "spec": {**references, "rollout": {"waves": WAVES} if spec is None else spec},
        "status": {"observedGeneration": 1, "target": {"version": "1.1.0"}, "rollout": stamped | rollout},
    }


def picture(found: dict | None, *, sequence: int = 3, wanted: str = "1.1.0", **counts: tuple[int, int, int]) -> Picture:
    """It with (granted, succeeded, failed) of waves, and a channel that names `wanted`."""
    waves = [
        dict(zip(("granted", "succeeded", "failed"), n, strict=True)) | {"name": name} for name, n in counts.items()
    ]
    progress = {"status": {"rollout": {"sequence": sequence}, "instances": {"active": 100}, "waves": waves}}
    channel = {"metadata": {"name": "web-stable"}, "spec": {"name": "stable", "version": wanted}}
    return Picture("com.example.web", found, progress if counts else None, channel)


def table(shown: Picture) -> list[str]:
    read = group_rollout.read(shown)
    assert read is not None
    return list(group_waves.lines(shown, read, NOW))


def states(shown: Picture) -> dict[str, str]:
    read = group_rollout.read(shown)
    assert read is not None
    return {row.name: row.state for row in group_waves.rows(shown, read, NOW)}


def test_each_wave_has_its_share_its_counts_and_how_it_stands():
    baking = "baking until 2026-11-23 15:30:00 UTC (in 50 min)"
    assert table(picture(group(SETTLED), canary=(20, 17, 1), early=(0, 0, 0))) == [
        "Wave       Share                      Expected  Granted  Succeeded  Failed  State",
        f"canary     20 instances               18        20       17         1       {baking}",
        "early      2.5 % of those that match  -         0        0          0       next",
        "late       50 %                       -         -        -          -       later, waits for an approval",
        "everybody  100 %                      -         -        -          -       later",
    ]


@pytest.mark.parametrize(
    ("shown", "wave", "state"),
    [
        pytest.param(
            picture(group(CANARY), canary=(9, 5, 1)), "canary", "open, 6 of 17 outcomes that settle it", id="open"
        ),
        pytest.param(picture(group(CANARY)), "canary", "open", id="open-without-counts"),
        pytest.param(
            picture(group(CANARY), sequence=2, canary=(9, 5, 1)), "canary", "open", id="counts-of-another-rollout"
        ),
        pytest.param(
            picture(group(SETTLED, stoppedSince="2026-11-23T14:35:00Z")),
            "canary",
            "baking, 55 min left, stands still",
            id="stands-still",
        ),
        pytest.param(
            picture(group(SETTLED, stoppedSeconds=600)),
            "canary",
            "baking until 2026-11-23 15:40:00 UTC (in 1 h)",
            id="stood-still",
        ),
        pytest.param(picture(group(SETTLED, EARLY)), "canary", "settled", id="settled"),
        pytest.param(picture(group(CANARY, EARLY)), "canary", "open, not waited for", id="promoted-past"),
        pytest.param(picture(group()), "canary", "next", id="before-the-first"),
        pytest.param(
            picture(group(spec={"waves": WAVES, "approval": {"version": "1.1.0", "wave": "late"}})),
            "late",
            "later, approved",
            id="approved",
        ),
        pytest.param(
            picture(group(spec={"waves": WAVES, "approval": {"version": "1.0.0", "wave": "late"}})),
            "late",
            "later, waits for an approval",
            id="approved-for-another-version",
        ),
        pytest.param(
            picture(group(spec={"waves": WAVES, "approval": {"version": "1.1.0", "wave": "canary", "bake": "Skip"}})),
            "canary",
            "next, to be opened at once",
            id="promoted",
        ),
    ],
)
def test_a_wave_is_open_bakes_or_waits(shown, wave, state):
    assert states(shown)[wave] == state


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(picture(group(spec={})), id="one wave for everybody"),
        pytest.param(picture(group(open=None)), id="stamped before there were waves"),
    ],
)
def test_a_rollout_without_parts_has_no_table(shown):
    assert table(shown) == []


def rows(shown: Picture) -> dict[str, str]:
    return dict(group_rollout.rows(shown, group_rollout.read(shown), NOW))


def test_what_halts_a_rollout_and_what_halted_it_are_told_with_the_errors():
    spec = {"waves": WAVES, "haltOn": {"failurePercent": 5, "consecutiveFailures": 3}, "onHalt": "Rollback"}
    spec["halt"] = {"version": "1.1.0", "reason": "loses sessions"}
    shown = picture(group(CANARY, spec=spec, halted=HALTED, epoch=2))

    found = list(group_rollout.rows(shown, group_rollout.read(shown), NOW))
    assert found == [
        ("Halts at", "5 % failures, from 10 outcomes on, or 3 failures in a row; instances are moved back then"),
        ("Halted", "by its failures 2026-11-23 14:35:00 UTC (5 min ago), in wave canary: 6 of 20 failed."),
        ("", "reported most: error 9 of 5, error 44 of 1"),
        ("", "by spec.rollout.halt: loses sessions"),
        ("Resumed", "2 times; outcomes count since then"),
    ]


def test_a_halt_of_another_version_is_none():
    assert "Halted" not in rows(picture(group(spec={"halt": {"version": "1.0.0", "reason": "bad"}})))


@pytest.mark.parametrize(
    ("rollout", "says"),
    [
        pytest.param({}, "25 % by now, everybody from 2026-11-23 16:40:00 UTC (in 2 h) on", id="grows"),
        pytest.param({"stoppedSince": "2026-11-23T14:16:00Z"}, "10 %, and stands still", id="stands-still"),
        pytest.param({"startedTime": "2026-11-23T10:00:00Z"}, "everybody", id="over"),
    ],
)
def test_a_share_that_grows_says_how_far_it_is(rollout, says):
    linear = {"startThreshold": 0, "durationSeconds": 9600}

    assert rows(picture(group(spec={}, open=None, linear=linear, **rollout)))["Lets in"] == says


def test_groups_that_go_first_are_told_with_how_far_they_are():
    spec = {"dependsOn": [{"groupRef": {"name": "web-fra"}, "minPercent": 90, "soakSeconds": 7200}]}

    assert rows(picture(group(spec=spec)))["Goes after"] == "web-fra:90:2h: not far enough yet"
    soaking = [{"group": "web-fra", "since": "2026-11-23T14:30:00Z"}]
    assert (
        "far enough since 2026-11-23 14:30:00 UTC (10 min ago)"
        in rows(picture(group(spec=spec, soaking=soaking)))["Goes after"]
    )
    assert rows(picture(group(spec=spec, dependenciesMetTime=BEGUN)))["Goes after"] == "web-fra:90:2h: far enough"


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        ("AwaitingApproval", "`updatectl group approve com.example.web berlin`"),
        ("Halted", "`updatectl group resume com.example.web berlin`, or another version of the channel"),
        ("DependencyNotMet", "groups that go first"),
        ("Baking", "the end of a bake"),
    ],
    ids=lambda text: text if text.isalpha() else "",
)
def test_what_holds_a_rollout_up_is_what_it_waits_for(reason, says):
    held = group(CANARY)
    held["status"]["blockers"] = [{"reason": reason, "message": "Because."}]

    assert says in group_picture.waits(picture(held))


def test_a_version_that_was_rolled_back_does_not_wait_for_the_operator():
    back = group(version="1.0.0", kind="Rollback", fromVersion="1.1.0")
    back["status"]["target"] = {"version": "1.0.0"}
    back["status"]["conditions"] = [{"type": "Progressing", "status": "False", "reason": "RolloutRolledBack"}]
    back["status"]["blockers"] = [{"reason": "RolledBack", "message": "It was halted."}]
    shown = picture(back)

    assert group_picture.state(shown) == "RolloutRolledBack"
    assert group_picture.waits(shown) == [
        "another version of the channel, or `updatectl group resume com.example.web berlin`"
    ]
    assert not shown.complete


def test_the_screen_has_the_table_and_a_line_names_the_wave():
    shown = picture(group(CANARY), canary=(9, 5, 1))

    screen = "\n".join(group_screen.lines(shown, signs.ASCII, NOW))
    assert "\nWave       Share" in screen
    assert screen.isascii()
    assert "  wave canary  " in group_screen.line(shown)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        pytest.param(group(), group(CANARY), ["wave canary was opened: 20 instances, 18 expected"], id="opened"),
        pytest.param(
            group(CANARY),
            group(SETTLED, EARLY),
            ["wave canary has settled: 17 succeeded, 1 failed", "wave early was opened: 2.5 %, 40 expected"],
            id="settled-and-the-next-opened",
        ),
        pytest.param(
            group(CANARY),
            group(CANARY, halted=HALTED),
            ["rollout 3 was halted by its failures: 6 of 20 failed. (reported most: error 9 of 5, error 44 of 1)"],
            id="halted",
        ),
        pytest.param(group(CANARY, halted=HALTED), group(CANARY, epoch=1), ["rollout 3 was resumed"], id="resumed"),
        pytest.param(
            group(CANARY),
            group(CANARY, spec={"halt": {"version": "1.1.0", "reason": "bad"}}),
            ["rollout 3 was halted by spec.rollout.halt: bad"],
            id="halted-by-hand",
        ),
        pytest.param(
            group(CANARY, spec={"halt": {"version": "1.1.0", "reason": "bad"}}),
            group(CANARY),
            ["spec.rollout.halt no longer holds rollout 3 back"],
            id="halt-taken-away",
        ),
        pytest.param(
            group(CANARY, halted=HALTED),
            group(sequence=4, version="1.0.0", kind="Rollback", fromVersion="1.1.0"),
            ["rollout 4 began: it moves instances back from 1.1.0 to 1.0.0"],
            id="rolled-back",
        ),
        pytest.param(
            group(CANARY),
            group(CANARY | {"openedTime": "2026-11-23T15:00:00Z"}, sequence=4, version="1.2.0"),
            ["rollout 4 to 1.2.0 began", "wave canary was opened: 20 instances, 18 expected"],
            id="the-next-one",
        ),
        pytest.param(
            group(CANARY), group(CANARY, completedTime=BEGUN), ["rollout 3 to 1.1.0 is complete"], id="complete"
        ),
        pytest.param(group(CANARY), group(CANARY), [], id="nothing"),
        pytest.param(None, group(CANARY), [], id="first-look"),
    ],
)
def test_a_watch_tells_what_happened(before, after, says):
    first = picture(before) if before is not None else None

    assert group_transitions.between(first, picture(after, canary=(20, 17, 1))) == says
