"""Values of Group.spec.rollout, and what becomes of them."""

from typing import Any

from support.crd_forms import NAMES, ONE_LINE, VERSIONS, Form

WAVE = {"name": "canary", "percent": 5}
LAST = {"name": "everybody", "percent": 100}
REQUIREMENT = {"attribute": "oem", "operator": "NotIn", "values": [f"oem-{n}" for n in range(64)]}
ITEMS = {
    "rollout.waves.[]": WAVE,
    "rollout.waves.[].match.[]": {"attribute": "oem", "values": ["ami"]},
    "rollout.linear": {"durationSeconds": 3600},
    "rollout.approval": {"version": "1.1.0", "wave": "canary"},
    "rollout.halt": {"version": "1.1.0", "reason": "it loses data"},
    "rollout.dependsOn.[]": {"groupRef": {"name": "webapp-paris"}},
}
"""What stands beside a field, by the path of what it is in."""
PERCENTAGES = Form(
    (0, 1, 99, 100, "0", "5", "100", "0.1", "0.0001", "0.5000", "10.0", "99.9999", "100.0000", "33.33"),
    (
        *(
            -1,
            101,
            "",
            "101",
            "100.0001",
            "-1",
            "+1",
            "1e1",
            "0x1p3",
            "5%",
            " 5",
            "5 ",
            "five",
            "NaN",
            "inf",
            "Infinity",
        ),
        *(
            "05",
            "00",
            "00.5",
            ".5",
            "5.",
            ".",
            "0.00001",
            "1.00000",
            "10.00000",
            "1.2.3",
            "1..2",
            "1_0",
            "5\n",
            "\u0661",
            "9" * 40,
        ),
    ),
)
WAVE_NAMES = Form(
    ("canary", "a", "0", "ring-1", "everybody-else"), ("", "Canary", "-a", "a-", "a b", "a.b", "ä", "a\n")
)
FORMS: dict[str, Form] = {
    "Group.rollout.waves.[].name": WAVE_NAMES,
    "Group.rollout.waves.[].percent": PERCENTAGES,
    "Group.rollout.waves.[]-share": Form(
        (WAVE, {"name": "canary", "instances": 3}), ({"name": "canary"}, WAVE | {"instances": 3})
    ),
    "Group.rollout.waves-rising": Form(
        (
            [],
            [WAVE, WAVE | {"name": "b"}, WAVE | {"name": "c", "percent": "5.0001"}, LAST],
            [WAVE | {"percent": "9.5"}, {"name": "some", "instances": 3}, WAVE | {"name": "b", "percent": 10}],
        ),
        (
            [WAVE, WAVE | {"name": "b", "percent": "4.9999"}],
            [WAVE | {"percent": "10"}, WAVE | {"name": "b", "percent": "9.5"}],
            [WAVE | {"percent": 50}, {"name": "some", "instances": 3}, WAVE | {"name": "b", "percent": 49}],
        ),
    ),
    "Group.rollout.waves-everybody": Form(
        ([LAST], [WAVE, LAST | {"percent": "100.0"}], [LAST | {"bakeSeconds": 1, "match": []}]),
        (
            [LAST, WAVE | {"percent": 100}],
            [LAST | {"percent": 99}],
            [LAST | {"percent": "99.9999"}],
            [{"name": "everybody", "instances": 5}],
            [LAST | {"match": [{"attribute": "oem", "values": ["ami"]}]}],
        ),
    ),
    "Group.rollout.waves.[].match.[].values.[]": ONE_LINE,
    "Group.rollout.linear.startPercent": PERCENTAGES,
    "Group.rollout-waves-or-linear": Form(
        (
            {"waves": [WAVE]},
            {"linear": {"durationSeconds": 60}},
            {"linear": {"durationSeconds": 60}, "waves": []},
            {"onHalt": "Rollback"},
        ),
        ({"waves": [WAVE], "linear": {"durationSeconds": 60}},),
    ),
    "Group.rollout.approval.version": VERSIONS,
    "Group.rollout.approval.wave": WAVE_NAMES,
    "Group.rollout.halt.version": VERSIONS,
    "Group.rollout.halt.reason": ONE_LINE,
    "Group.rollout.haltOn": Form(
        ({"failurePercent": 2}, {"consecutiveFailures": 3}, {"failurePercent": 100, "consecutiveFailures": 100}),
        ({}, {"minSamples": 20}),
    ),
    "Group.rollout.dependsOn.[].groupRef.name": NAMES,
    "Group.rollout.dependsOn.[].minPercent": PERCENTAGES,
    "Group.rollout.dependsOn-once": Form(
        ([], [{"groupRef": {"name": name}} for name in ("a", "b", "a.b")]),
        (
            [{"groupRef": {"name": "a"}}] * 2,
            [{"groupRef": {"name": "a"}}, {"groupRef": {"name": "b"}}, {"groupRef": {"name": "a"}, "minPercent": 50}],
        ),
    ),
    "Group.rollout.salt": Form(("5f2b9a0c", "a", "A.b_c-1"), ("", "a b", "a\n", "ä", "a/b")),
}
EVERYTHING: dict[str, Any] = {
    "waves": [WAVE | {"name": f"ring-{n}", "match": [REQUIREMENT] * 8, "bakeSeconds": 60} for n in range(16)],
    "approval": {"version": "1.1.0", "wave": "ring-3", "bake": "Skip"},
    "halt": {"version": "1.1.0", "reason": "it loses data"},
    "resume": {"sequence": 3},
    "haltOn": {"failurePercent": 2, "minSamples": 50, "consecutiveFailures": 5},
    "onHalt": "Rollback",
    "retry": {"maxAttempts": 3, "backoffSeconds": 300},
    "dependsOn": [{"groupRef": {"name": f"g-{n}"}, "minPercent": "99.5", "soakSeconds": 60} for n in range(8)],
    "salt": "s" * 64,
    "completePercent": 95,
}
"""Every field at once, as large as it may be."""
