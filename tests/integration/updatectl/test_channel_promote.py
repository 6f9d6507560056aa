"""`updatectl channel promote` against a real API server: what it shows, what it writes, and when it writes nothing."""

import json

import pytest
import yaml

from support.command_line import running
from support.kube_fleet import KubeFleet

SUM = "ab" * 32


def manifest(kind: str, object_name: str, **spec) -> dict:
    body = spec if kind == "Application" else {"applicationRef": {"name": "app"}, **spec}
    return {"apiVersion": "updateservice.dev/v1alpha1", "kind": kind, "metadata": {"name": object_name}, "spec": body}


@pytest.fixture
def app(kubectl, app_id) -> str:
    """Channel beta at 1.2.0 by way of 1.1.0, stable at 1.0.0; group berlin follows stable, paused; lab follows beta."""
    objects = [
        manifest("Application", "app", appId=app_id),
        *(
            manifest("Package", f"app-{version}", version=version, url=f"{version}.gz", size=1, sha256=SUM)
            for version in ("1.0.0", "1.1.0", "1.2.0")
        ),
        manifest(
            "Channel", "beta", name="beta", version="1.2.0", floors=[{"version": "1.1.0", "reason": "key rotation"}]
        ),
        manifest("Channel", "stable", name="stable", version="1.0.0", floors=[{"version": "0.9.0"}]),
        manifest("Group", "berlin", track="berlin", channelRef={"name": "stable"}, paused=True),
        manifest("Group", "lab", track="lab", channelRef={"name": "beta"}),
    ]
    everything = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    # All at once, and its fields are updatectl's as if that had made them one by one.
    kubectl("apply", "--server-side", "--field-manager=updatectl", "-f", "-", input=everything)
    return app_id


@pytest.fixture
def stable(updatectl, app):
    """Reads the channel stable."""
    return lambda: json.loads(updatectl("channel", "get", app, "stable", "-o", "json").stdout)


def promotion(app: str, *options: str) -> tuple[str, ...]:
    """The command line that promotes beta to stable."""
    return ("channel", "promote", app, "--from", "beta", "--to", "stable", *options)


def test_a_promotion_shows_what_changes_and_then_does_it(updatectl, app, stable):
    done = updatectl(*promotion(app, "--yes"))

    lines = done.stdout.splitlines()
    assert lines[0] == f"Channel stable of {app}, from beta"
    assert "Version   1.0.0 → 1.2.0" in lines
    assert "          + 1.1.0=key rotation" in lines
    assert any(line.startswith("  berlin") and line.endswith("paused") for line in lines)
    assert not any("lab" in line for line in lines)
    assert "✗ Paused: paused, so that nothing is given out: berlin" in lines
    assert lines[-1] == f"promoted channel: stable, for application: {app}, to version: 1.2.0"
    spec = stable()["spec"]
    assert (spec["version"], spec["floors"]) == ("1.2.0", [{"version": "0.9.0"}])


def test_floors_are_copied_where_that_is_wanted(updatectl, app, stable):
    updatectl(*promotion(app, "--yes", "--with-floors"))
    assert stable()["spec"]["floors"] == [{"version": "1.1.0", "reason": "key rotation"}]
    assert "nothing was changed" in updatectl(*promotion(app, "--yes", "--with-floors")).stdout

    updatectl("channel", "update", app, "beta", "--no-floors")
    updatectl(*promotion(app, "--yes", "--with-floors"))
    assert "floors" not in stable()["spec"]


def test_a_channel_that_has_the_version_is_left_alone(updatectl, app, stable):
    updatectl(*promotion(app, "--yes"))
    before = stable()["metadata"]["resourceVersion"]

    again = updatectl(*promotion(app, "--yes"))
    assert again.stdout == (
        f"channel stable of {app} is at 1.2.0 already: nothing was changed; its floors aren't those of beta, --with-floors copies them\n"
    )
    assert stable()["metadata"]["resourceVersion"] == before


@pytest.mark.parametrize("option", ["--dry-run", "--dry-run=server"])
def test_a_dry_run_only_shows_what_would_change(updatectl, app, stable, option):
    before = stable()

    done = updatectl(*promotion(app, option))
    assert "Version   1.0.0 → 1.2.0" in done.stdout
    assert "promoted" not in done.stdout
    assert "(server dry run)" in done.stderr
    assert not json.loads(updatectl(*promotion(app, option, "-o", "json")).stdout)["applied"]
    assert stable() == before


def test_programs_get_one_document_that_says_whether_it_was_done(updatectl, app):
    done = json.loads(updatectl(*promotion(app, "--yes", "-o", "json")).stdout)
    assert done["version"] == {"before": "1.0.0", "after": "1.2.0"}
    assert [group["track"] for group in done["groups"]] == ["berlin"]
    assert (done["changes"], done["applied"]) == (True, True)

    again = yaml.safe_load(updatectl(*promotion(app, "--yes", "-o", "yaml")).stdout)
    assert (again["changes"], again["applied"]) == (False, False)
    assert updatectl(*promotion(app, "--yes", "-o", "name")).stdout.startswith("channel.updateservice.dev/")


def test_a_version_may_be_given_itself_and_a_lower_one_is_warned_of(updatectl, app, stable):
    shown = updatectl("channel", "promote", app, "--to", "beta", "--version", "1.0.5", "--yes").stdout

    assert "✗ Downgrade: 1.0.5 is lower than 1.2.0" in shown
    assert "✗ PackageNotFound: 1.0.5 has no Package" in shown
    assert stable()["spec"]["version"] == "1.0.0"


@pytest.mark.parametrize(("answer", "code", "version"), [("n", 1, "1.0.0"), ("y", 0, "1.2.0")], ids=["no", "yes"])
def test_on_a_terminal_it_asks_after_it_has_shown(updatectl, app, stable, answer, code, version):
    with running(updatectl, *promotion(app), terminal=True) as promote:
        shown = promote.until("Move channel stable to 1.2.0? [y/N]: ")
        assert "Version   1.0.0 → 1.2.0" in shown
        assert stable()["spec"]["version"] == "1.0.0"
        promote.type(f"{answer}\n")
        promote.until("promoted channel" if code == 0 else "nothing was promoted")

        assert promote.process.wait(timeout=30) == code
    assert stable()["spec"]["version"] == version


def test_without_a_terminal_to_ask_on_it_needs_to_be_told(updatectl, app, stable):
    said = updatectl.fails(*promotion(app), code=2)

    assert "a promotion needs --yes" in " ".join(said.replace("│", " ").split())
    assert stable()["spec"]["version"] == "1.0.0"


@pytest.mark.parametrize("change", [("--version", "1.1.0"), ("--floor", "0.9.5")], ids=["version", "floors"])
def test_what_somebody_changed_after_it_was_shown_is_not_written_over(updatectl, app, stable, change):
    with running(updatectl, *promotion(app), terminal=True) as promote:
        promote.until("[y/N]: ")
        updatectl("channel", "update", app, "stable", *change)
        theirs = stable()["spec"]
        promote.type("y\n")
        promote.until("was changed meanwhile: nothing was promoted. Run it again")

        assert promote.process.wait(timeout=30) == 1
    assert stable()["spec"] == theirs


def test_a_channel_that_is_gone_meanwhile_is_not_made_again(updatectl, kubectl, app):
    with running(updatectl, *promotion(app), terminal=True) as promote:
        promote.until("[y/N]: ")
        updatectl("channel", "delete", app, "stable")
        promote.type("y\n")
        promote.until("was changed meanwhile")

        assert promote.process.wait(timeout=30) == 1
    assert "stable" not in kubectl("get", "uchan").stdout


def test_what_the_operator_counts_meanwhile_does_not_matter(updatectl, control_plane, namespace, app, stable):
    fleet = KubeFleet(control_plane, namespace, app)
    with running(updatectl, *promotion(app), terminal=True) as promote:
        promote.until("[y/N]: ")
        found = stable()
        fleet.update("Channel", found["metadata"]["name"], suffix="/status", status={"groups": {"following": 1}})
        assert stable()["metadata"]["resourceVersion"] != found["metadata"]["resourceVersion"]
        promote.type("y\n")

        assert promote.process.wait(timeout=30) == 0
    assert stable()["spec"]["version"] == "1.2.0"


def test_a_version_that_a_gitops_tool_owns_is_refused_before_anybody_is_asked(updatectl, kubectl, app, stable):
    owned = {key: stable()[key] for key in ("apiVersion", "kind", "spec")} | {
        "metadata": {"name": stable()["metadata"]["name"]}
    }
    kubectl("apply", "--server-side", "--field-manager=flux", "-f", "-", input=json.dumps(owned))

    with running(updatectl, *promotion(app), terminal=True) as promote:
        assert "[y/N]" not in promote.until("spec.version is owned by 'flux'")

        assert promote.process.wait(timeout=30) == 1
    updatectl(*promotion(app, "--yes", "--force-conflicts"))
    assert stable()["spec"]["version"] == "1.2.0"


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--from", "nope", "--to", "stable"], 1, "has no channel nope"),
        (["--from", "beta", "--to", "nope"], 1, "has no channel nope"),
        (["--from", "stable", "--to", "stable"], 2, "--from and --to are both stable"),
        (["--to", "stable"], 2, "one of them"),
        (["--from", "beta", "--to", "stable", "--version", "1.0.0"], 2, "one of them"),
        (["--to", "stable", "--version", "newest"], 2, "neither a semantic version"),
        (["--to", "stable", "--version", "1.2.0", "--with-floors"], 2, "--from, which isn't given"),
        (["--from", "beta"], 2, "--to"),
    ],
    ids=["no source", "no target", "itself", "neither", "both", "no version", "whose floors", "whereto"],
)
def test_mistakes_are_explained(updatectl, app, options, code, says):
    said = updatectl.fails("channel", "promote", app, *options, "--yes", code=code)

    assert says in " ".join(said.replace("│", " ").split())
