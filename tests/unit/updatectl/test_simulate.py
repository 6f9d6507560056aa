"""`updatectl simulate` as it is used: what it prints, draws and ends with, for a Group's manifest alone or with what belongs to it."""

import json
import struct
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from updatectl import __main__ as entry

GOLDEN = Path(__file__).parent / "golden" / "simulation.txt"
START = ("--start", "2026-03-02T06:00Z")

GROUP = {
    "apiVersion": "updateservice.dev/v1alpha1",
    "kind": "Group",
    "metadata": {"name": "webapp-berlin"},
    "spec": {
        "applicationRef": {"name": "webapp"},
        "channelRef": {"name": "webapp-stable"},
        "track": "berlin",
        "rateLimit": {"maxUpdates": 50, "periodSeconds": 60},
        "rollout": {
            "waves": [
                {"name": "canary", "percent": 1, "bakeSeconds": 7200},
                {"name": "early", "percent": "12.5", "bakeSeconds": 3600, "approval": "Required"},
            ],
            "haltOn": {"failurePercent": 30, "minSamples": 20},
        },
    },
}


@pytest.fixture
def manifest(tmp_path):
    def written(*documents):
        file = tmp_path / "group.yaml"
        file.write_text(yaml.safe_dump_all(documents))
        return str(file)

    return written


def simulate(*arguments, code=0, stdin=None):
    """Run the command to its end; what it printed, and said beside that."""
    done = CliRunner().invoke(entry.app, ["simulate", *arguments], input=stdin)
    assert done.exit_code == code, done.output
    return done


def test_what_is_printed_is_what_was_printed_before(manifest):
    done = simulate("-f", manifest(GROUP), "--fleet", "2000", "--failure-rate", "0.5%", *START)

    assert done.stdout == GOLDEN.read_text()


def test_json_tells_the_same_to_programs(manifest):
    told = json.loads(
        simulate("-f", manifest(GROUP), "--fleet", "2000", "--failure-rate", "0%", *START, "-o", "json").stdout
    )

    assert (told["outcome"], told["instances"]["onTarget"], told["version"]) == ("Complete", 2000, "2.0.0")
    assert [wave["name"] for wave in told["waves"]] == ["canary", "early", "everybody"]
    assert sum(hour["granted"] for hour in told["hours"]) == told["updates"]["granted"] == 2000


def test_halted_rollout_ends_with_exit_code_4(manifest):
    done = simulate("-f", manifest(GROUP), "--fleet", "3000", "--failure-rate", "60%", *START, code=4)

    assert "Halted:" in done.stdout


def test_rollout_that_takes_longer_ends_with_exit_code_5(manifest):
    done = simulate("-f", manifest(GROUP), "--fleet", "3000", "--failure-rate", "0%", "--until", "2h", *START, code=5)

    assert "Not finished after 2h" in done.stdout


def test_channel_and_packages_of_the_file_are_used(manifest):
    reference = {"applicationRef": {"name": "webapp"}}
    package = {"url": "https://packages.example.com/a", "size": 1, "sha256": "ab" * 32}
    others = [
        {"kind": "Application", "metadata": {"name": "webapp"}, "spec": {"appId": "com.example.web"}},
        {
            "kind": "Channel",
            "metadata": {"name": "webapp-stable"},
            "spec": {**reference, "name": "stable", "version": "3.1.0"},
        },
        {"kind": "Package", "metadata": {"name": "old"}, "spec": {**reference, **package, "version": "3.0.4"}},
        {"kind": "Package", "metadata": {"name": "new"}, "spec": {**reference, **package, "version": "3.1.0"}},
    ]
    documents = [GROUP, *({"apiVersion": GROUP["apiVersion"], **each} for each in others)]

    told = json.loads(simulate("-f", manifest(*documents), "--fleet", "50", "--failure-rate", "0", "-o", "json").stdout)

    assert (told["assumptions"]["from_version"], told["version"], told["assumptions"]["made_up"]) == (
        "3.0.4",
        "3.1.0",
        [],
    )


def test_manifest_may_come_from_standard_input():
    told = simulate("-f", "-", "--fleet", "20", "--failure-rate", "0", "-o", "json", stdin=yaml.safe_dump(GROUP)).stdout

    assert json.loads(told)["outcome"] == "Complete"


def test_svg_chart_names_the_waves(manifest, tmp_path):
    simulate("-f", manifest(GROUP), "--fleet", "2000", "--failure-rate", "0", "--plot", str(tmp_path / "a.svg"), *START)

    words = [element.text for element in ET.parse(tmp_path / "a.svg").iter() if element.text]
    assert {"canary", "early", "everybody"} <= set(words)


def test_png_chart_is_a_picture(manifest, tmp_path):
    simulate("-f", manifest(GROUP), "--fleet", "2000", "--failure-rate", "0", "--plot", str(tmp_path / "a.png"), *START)

    written = (tmp_path / "a.png").read_bytes()
    assert written[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", written[16:24])
    length = struct.unpack(">I", written[written.index(b"IDAT") - 4 : written.index(b"IDAT")])[0]
    start = written.index(b"IDAT") + 4
    assert len(zlib.decompress(written[start : start + length])) == (width + 1) * height


@pytest.mark.parametrize(
    ("options", "says", "code"),
    [
        pytest.param(["--failure-rate", "101%"], "more than 100 percent", 2, id="rate"),
        pytest.param(["--interval", "soon"], "no length", 2, id="interval"),
        pytest.param(["--start", "2026-03-02T06:00"], "needs a zone", 2, id="start without a zone"),
        pytest.param(["--from", "new"], "is no version", 2, id="version"),
        pytest.param(["--plot", "a.gif"], "neither an .svg nor a .png", 2, id="plot"),
        pytest.param(["--interval", "2d"], "spec.activeSeconds is 86400", 1, id="seldom"),
        pytest.param(["--group", "other"], "no Group called other", 1, id="group"),
    ],
)
def test_what_cannot_be_simulated_is_said(manifest, options, says, code):
    done = simulate("-f", manifest(GROUP), *options, code=code)

    assert says in " ".join(done.output.replace("│", " ").split())


def test_group_that_cannot_be_read_is_said(manifest):
    done = simulate("-f", manifest({**GROUP, "spec": {}}), code=1)

    assert (
        "Group can't be read: applicationRef" in done.output
        or "Group can't be read: spec.applicationRef" in done.output
    )
