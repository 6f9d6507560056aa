"""How a group's rollouts go on, as a person sets, changes and takes it away, against a real API server."""

import json

import pytest

TYPED = (
    *("--wave", "canary:20i,bake=1h,match=board:amd64-usr|arm64-usr", "--wave", "early:0.5%,settle=80,approval"),
    *("--halt-on-failures", "5%", "--halt-on-consecutive", "3", "--min-samples", "20", "--on-halt", "rollback"),
    *("--retry", "3", "--retry-backoff", "10m", "--complete-percent", "95", "--salt", "s4lt", "--min-age", "0"),
)
REQUIREMENT = {"attribute": "board", "operator": "In", "values": ["amd64-usr", "arm64-usr"]}
AT_FIRST = {"approval": "NotRequired", "bakeSeconds": 0, "settlePercent": 90}
CANARY = AT_FIRST | {"name": "canary", "instances": 20, "bakeSeconds": 3600, "match": [REQUIREMENT]}
EARLY = AT_FIRST | {"name": "early", "percent": "0.5", "settlePercent": 80, "approval": "Required"}
POLICY = {
    "waves": [CANARY, EARLY],
    "haltOn": {"failurePercent": 5, "consecutiveFailures": 3, "minSamples": 20},
    "onHalt": "Rollback",
    "retry": {"maxAttempts": 3, "backoffSeconds": 600},
    "completePercent": 95,
    "salt": "s4lt",
}


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


def git(app: str, **rollout) -> str:
    """The Group as a repository has it, with this of its rollouts."""
    head = {"apiVersion": "updateservice.dev/v1alpha1", "kind": "Group", "metadata": {"name": f"{app}-fake1"}}
    return json.dumps(head | {"spec": {"rollout": rollout}})


@pytest.fixture
def flux(kubectl):
    """Applies as another field manager does."""
    return lambda text: kubectl("apply", "--server-side", "--field-manager=flux", "-f", "-", input=text)


def test_a_group_is_created_with_all_of_it(updatectl, group, app):
    spec = group("create", "--channel", "master", *TYPED)

    assert spec["rollout"] == POLICY
    assert spec["evidence"] == {"minAgeSeconds": 0}
    wide = updatectl("group", "list", app, "-o", "wide").stdout
    assert "canary:20i,bake=1h,match=board:amd64-usr|arm64-usr; early:0.5%,settle=80,approval" in wide


def test_waves_are_replaced_in_the_order_in_which_they_are_typed(group):
    group("create", "--channel", "master", *TYPED)

    changed = group("update", "--wave", "noon:1", "--wave", "canary:2,bake=5m", "--wave", "late:50%")["rollout"]
    assert [wave["name"] for wave in changed["waves"]] == ["noon", "canary", "late"]
    assert changed["waves"][1] == AT_FIRST | {"name": "canary", "percent": 2, "bakeSeconds": 300}
    assert changed["haltOn"] == POLICY["haltOn"]
    turned = group("update", "--wave", "late:1", "--wave", "noon:2")["rollout"]["waves"]
    assert [wave["name"] for wave in turned] == ["late", "noon"]


@pytest.mark.parametrize(
    ("options", "field", "left"),
    [
        pytest.param(("--label", "Fake"), "retry", POLICY["retry"], id="something else"),
        pytest.param(("--halt-on-failures", "2"), "haltOn", POLICY["haltOn"] | {"failurePercent": 2}, id="one bound"),
        pytest.param(
            ("--halt-on-failures", "0"), "haltOn", {"consecutiveFailures": 3, "minSamples": 20}, id="one bound away"
        ),
        pytest.param(("--halt-on-failures", "0", "--halt-on-consecutive", "0"), "haltOn", None, id="both bounds away"),
        pytest.param(("--no-halt-on",), "haltOn", None, id="no bounds"),
        pytest.param(("--retry-backoff", ""), "retry", {"maxAttempts": 3, "backoffSeconds": 60}, id="back-off away"),
        pytest.param(("--retry-backoff", "", "--retry", "0"), "retry", None, id="retries away"),
        pytest.param(("--on-halt", "Pause"), "onHalt", "Pause", id="on halt"),
        pytest.param(("--complete-percent", "0"), "completePercent", 100, id="percent away"),
        pytest.param(("--salt", ""), "salt", None, id="salt away"),
        pytest.param(("--no-waves",), "waves", None, id="waves away"),
    ],
)
def test_what_is_not_named_stays_and_what_is_empty_goes(group, options, field, left):
    group("create", "--channel", "master", *TYPED)

    changed = group("update", *options)["rollout"]
    assert changed.get(field) == left
    assert {**changed, field: None} == {**POLICY, field: None}


def test_a_share_that_grows_takes_the_place_of_waves(updatectl, group, app):
    group("create", "--channel", "master", *TYPED)

    assert "must be either waves or linear" in updatectl.fails("group", "update", app, "fake1", "--linear-over", "24h")
    changed = group("update", "--no-waves", "--linear-over", "24h", "--linear-from", "2.5")["rollout"]
    assert changed["linear"] == {"durationSeconds": 86400, "startPercent": "2.5"}
    assert group("update", "--linear-from", "5%")["rollout"]["linear"]["startPercent"] == 5
    assert "linear" not in group("update", "--no-linear")["rollout"]
    assert "give that too" in updatectl.fails("group", "update", app, "fake1", "--linear-from", "5")


def test_groups_that_go_first_are_named_by_their_id_or_their_object(updatectl, group, app):
    updatectl("group", "create", app, "fra", "--channel", "master")
    first = {"groupRef": {"name": f"{app}-fra"}, "minPercent": 90, "soakSeconds": 7200}

    created = group("create", "--channel", "master", "--depends-on", "fra:90%:2h")["rollout"]
    assert created["dependsOn"] == [first]
    wide = updatectl("group", "list", app, "-o", "wide").stdout
    assert f"{app}-fra:90:2h" in wide
    plain = group("update", "--depends-on", f"{app}-fra")["rollout"]
    assert plain["dependsOn"] == [first | {"minPercent": 100, "soakSeconds": 0}]
    assert "dependsOn" not in group("update", "--no-depends-on").get("rollout", {})
    assert f"application {app} has no group gone" in updatectl.fails(
        "group", "update", app, "fake1", "--depends-on", "gone"
    )


def test_waves_that_git_owns_stay_unless_they_are_taken_over(updatectl, flux, group, app):
    group("create", "--channel", "master")
    flux(git(app, waves=[{"name": "canary", "percent": 1}, {"name": "early", "percent": 5}]))

    refused = updatectl.fails("group", "update", app, "fake1", "--wave", "late:50")
    assert "spec.rollout.waves is owned by 'flux'" in refused
    assert "spec.rollout.waves is owned by 'flux'" in updatectl.fails("group", "update", app, "fake1", "--no-waves")
    refused = updatectl.fails("group", "update", app, "fake1", "--wave", "canary:2", "--wave", "early:5")
    assert "percent is owned by 'flux'" in refused

    taken = group("update", "--wave", "late:50", "--force-conflicts")["rollout"]["waves"]
    assert [wave["name"] for wave in taken] == ["late"]
    assert [wave["name"] for wave in group("update", "--wave", "noon:50")["rollout"]["waves"]] == ["noon"]


def test_what_is_said_beside_waves_of_git_takes_none_of_them_along(updatectl, flux, group, app):
    group("create", "--channel", "master", "--retry", "3")
    flux(git(app, waves=[{"name": "canary", "percent": 1}]))
    assert group("update", "--halt-on-consecutive", "3")["rollout"]["waves"][0]["name"] == "canary"

    # Theirs can still be changed and taken away by them alone: we never became an owner.
    flux(git(app, waves=[{"name": "canary", "percent": 2}]))
    flux(git(app))
    left = group("update", "--label", "Fake")["rollout"]
    assert not left.get("waves")
    assert left["retry"]["maxAttempts"] == 3


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        pytest.param(("--wave", "canary"), 2, "no name with a ':' behind it", id="no share"),
        pytest.param(("--wave", "a:1", "--no-waves"), 2, "contradict each other", id="opposites"),
        pytest.param(("--wave", "a:1", "--linear-over", "1h"), 2, "contradict each other", id="two ways"),
        pytest.param(("--wave", "a:5", "--wave", "b:1"), 1, "in the order of their percent", id="falling"),
        pytest.param(("--wave", "A:5"), 1, "lower-case letters", id="name"),
        pytest.param(("--halt-on-failures", "2.5"), 2, "no whole percentage", id="failures"),
        pytest.param(("--min-samples", "5"), 1, "nothing halts", id="samples alone"),
        pytest.param(("--retry-backoff", "soon"), 2, "no length such as 90s", id="length"),
        pytest.param(("--depends-on", ""), 2, "names no group", id="no group"),
    ],
)
def test_what_cannot_be_is_refused(updatectl, group, app, options, code, says):
    group("create", "--channel", "master")

    refused = updatectl.fails("group", "update", app, "fake1", *options, code=code)
    assert says in " ".join(refused.replace("│", " ").split())
