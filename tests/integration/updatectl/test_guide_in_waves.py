"""The guide's commands about waves, typed as they stand there, against a real API server; the test is the operator."""

import json
import re
import shlex
from pathlib import Path

from support.kube_fleet import KubeFleet

GUIDE = (Path(__file__).parents[3] / "docs" / "getting-started.md").read_text(encoding="utf-8")
APP_ID = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"


def commands() -> list[list[str]]:
    """What the chapter types, each without the program's name."""
    (chapter,) = re.findall(r"^## In waves\n(.*?)^## ", GUIDE, re.DOTALL | re.MULTILINE)
    typed = re.findall(r"^    updatectl ((?:.*\\\n)*.*)$", chapter, re.MULTILINE)
    return [shlex.split(text.replace("\\\n", " ")) for text in typed]


def test_the_guide_in_waves(control_plane, namespace, app_id, updatectl):
    fleet = KubeFleet(control_plane, namespace, app_id)
    fleet.roll_out(
        "1.2.0", course={"open": [{"name": "canary", "cap": 3, "openedTime": "2026-03-01T12:00:00Z", "expected": 3}]}
    )
    said = {}
    for command in commands():
        # Its channel is called otherwise here, and has been promoted.
        if command[0] == "group":
            said[command[1]] = updatectl(*(app_id if word == APP_ID else word for word in command)).stdout

    assert list(said) == ["update", "status", "approve", "halt", "resume", "history"]
    spec = json.loads(updatectl("group", "get", app_id, "fake1", "-o", "json").stdout)["spec"]
    assert [wave["name"] for wave in spec["rollout"]["waves"]] == ["canary", "everybody"]
    assert spec["rollout"]["haltOn"]["consecutiveFailures"] == 2
    assert spec["evidence"] == {"minAgeSeconds": 0}
    assert spec["rollout"]["approval"] == {"version": "1.2.0", "wave": "everybody", "bake": "Respect"}
    assert "halt" not in spec["rollout"]
