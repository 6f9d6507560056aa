"""`updatectl instance …` and `why` against the real fleet API, as the administrator and with the roles that people have."""

import asyncio
import json
import uuid

import pytest
import yaml

from support import omaha_fleet
from support.command_line import CommandLine, cells, kubeconfig_for, running
from support.fleet_cluster import Team, served
from support.operator_cluster import private_plane
from support.waiting import until

GRANTS = 2


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A cluster of their own: one test takes the fleet API away."""
    with private_plane() as plane, served(plane, tmp_path_factory.mktemp("fleet")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def team(cluster):
    """Group fake1 on its way to 1.1.0: {m-0} and {m-1} hold updates, {m-2} to {m-4} wait for the rate limit."""
    team = Team(cluster).roll_out("1.1.0", rateLimit={"maxUpdates": GRANTS, "periodSeconds": 3600})
    return team.hear([f"{{m-{number}}}" for number in range(5)], "1.0.0")


@pytest.fixture(scope="module")
def updatectl(team, tmp_path_factory):
    """updatectl as the administrator, in the team's namespace."""
    kubeconfig = kubeconfig_for(team.cluster.access, team.name, tmp_path_factory.mktemp("administrator"))
    return CommandLine({"KUBECONFIG": str(kubeconfig)})


@pytest.fixture(scope="module")
def app(team):
    """The application's id."""
    return team.app_id


@pytest.fixture
def extra(team, updatectl):
    """An instance of the test's own."""
    machine = f"{{{uuid.uuid4().hex[:8]}}}"
    team.hear([machine], "1.0.0")
    yield machine
    updatectl("instance", "forget", team.app_id, machine, "--yes", check=False)


def person(team, role: str) -> CommandLine:
    """updatectl with a token and nothing else."""
    access = team.cluster.access
    environment = {"KEY": team.token(role), "SERVER": access.server, "CA": str(access.ca_file)}
    return CommandLine({f"UPDATECTL_{name}": value for name, value in environment.items()})


def listed(updatectl, app_id: str, machine: str | None = None) -> list[dict]:
    """The instances of an application, or one of them."""
    items = json.loads(updatectl("instance", "list", app_id, "-o", "json").stdout)["items"]
    return [item for item in items if machine is None or item["spec"]["instanceId"] == machine]


def ids(table: str) -> list[str]:
    """The first column below the header."""
    return [cells(line)[0] for line in table.splitlines()[1:]]


def test_a_list_shows_who_runs_what(updatectl, app):
    lines = updatectl("instance", "list", app).stdout.splitlines()

    assert cells(lines[0]) == ["Id", "Group", "Version", "State", "Refusal", "LastSeen"]
    assert cells(lines[1])[:5] == ["{m-0}", "fake1", "1.0.0", "Granted", "-"]
    assert cells(lines[1])[5].endswith(("ago", "now"))


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        pytest.param(("--group", "fake1"), 5, id="track"),
        pytest.param(("-g", "app-fake1"), 5, id="name-of-the-group"),
        pytest.param(("--group", "nobodys"), 0, id="nobodys-track"),
        pytest.param(("--state", "granted"), GRANTS, id="state-in-any-case"),
        pytest.param(("--version", "1.0.0", "--state", "Idle"), 3, id="version-and-state"),
        pytest.param(("--version", "1.0"), 0, id="version-as-reported"),
        pytest.param(("-l", "fleet.updateservice.dev/oem=ami"), 0, id="label"),
        pytest.param(("--limit", "3"), 3, id="limit"),
    ],
)
def test_a_list_is_narrowed_by_what_instances_say(updatectl, app, filters, found):
    assert len(ids(updatectl("instance", "list", app, *filters).stdout)) == found


def test_a_limit_says_that_there_are_more_and_an_unknown_group_that_there_is_none(updatectl, app):
    assert "more than 2" in updatectl("instance", "list", app, "--limit", "2").stderr
    assert not updatectl("instance", "list", app, "--limit", "5").stderr
    assert "no Group has the id or the name nope" in updatectl("instance", "list", app, "--group", "nope").stderr


def test_a_list_of_more_than_a_page_is_whole_and_has_one_header(cluster, tmp_path):
    many = Team(cluster).roll_out().hear([str(number) for number in range(620)])
    updatectl = CommandLine({"KUBECONFIG": str(kubeconfig_for(cluster.access, many.name, tmp_path))})

    assert sorted(ids(updatectl("instance", "list", many.app_id).stdout), key=int) == [str(n) for n in range(620)]
    assert len(listed(updatectl, many.app_id)) == 620
    assert len(ids(updatectl("instance", "list", many.app_id, "--limit", "510").stdout)) == 510


@pytest.mark.parametrize("named", ["{m-1}", "m-1"], ids=["byte-for-byte", "without-braces"])
@pytest.mark.parametrize("alone", [False, True], ids=["with-app", "alone"])
def test_an_instance_is_found_by_its_id(updatectl, app, named, alone):
    words = [named] if alone else [app, named]

    assert ids(updatectl("instance", "get", *words).stdout) == ["{m-1}"]


def test_an_instance_is_found_by_the_name_of_its_object(updatectl, app):
    name = updatectl("instance", "get", app, "{m-1}", "-o", "name").stdout.strip().rpartition("/")[2]

    shown = yaml.safe_load(updatectl("instance", "get", name, "-o", "yaml").stdout)
    assert shown["spec"]["instanceId"] == "{m-1}"
    assert ids(updatectl("instance", "get", app, name).stdout) == ["{m-1}"]


def test_an_alias_finds_an_instance_as_long_as_no_other_has_it(team, updatectl, app):
    team.hear(["{a-1}"], machinealias="kiosk").hear(["{a-2}"], machinealias="desk")
    assert ids(updatectl("instance", "get", app, "kiosk").stdout) == ["{a-1}"]

    team.hear(["{a-3}"], machinealias="kiosk")

    ambiguous = updatectl.fails("instance", "get", app, "kiosk")
    assert "kiosk is ambiguous" in ambiguous
    assert f"updatectl instance get {app} '{{a-3}}'" in ambiguous
    for machine in ("{a-1}", "{a-2}", "{a-3}"):
        updatectl("instance", "forget", app, machine, "--yes")


def test_an_id_with_signs_of_selectors_is_found(team, updatectl, app):
    team.hear(["a=b,c\\d"])

    assert ids(updatectl("instance", "get", app, "a=b,c\\d").stdout) == ["a=b,c\\d"]
    updatectl("instance", "forget", app, "a=b,c\\d", "--yes")


def test_who_is_not_there_is_said_with_what_to_try(updatectl, app):
    missing = updatectl.fails("instance", "get", app, "{M-1}")

    assert f"no instance of application {app} has the id, name or alias {{M-1}}" in missing
    assert "did you mean {m-1}?" in missing
    assert f"updatectl instance list {app}" in missing


def test_why_says_which_rule_holds_it_until_when_and_what_would_change_that(updatectl, app):
    text = updatectl("why", app, "m-4").stdout

    assert text.startswith("{m-4} would be offered nothing now: RateLimited.\n")
    assert "✗ RateLimited              refuses until 20" in text
    assert "✓ UpToDate" in text
    assert f"`updatectl group update {app} fake1 --update-count N" in text
    assert updatectl("instance", "why", app, "m-4").stdout.partition("\n")[0] == text.partition("\n")[0]


def test_why_of_one_that_holds_an_update_is_an_offer(updatectl, app):
    text = updatectl("why", app, "m-0").stdout

    assert text.startswith("{m-0} would be offered 1.1.0 again: it holds that update already.\n")
    assert "– RateLimited              skipped" in text


def test_where_the_output_is_not_unicode_the_marks_are_ascii(updatectl, app):
    ascii_only = CommandLine({**updatectl.environment, "PYTHONIOENCODING": "ascii"})
    with running(ascii_only, "why", app, "m-4") as why:
        assert why.until("What would change").isascii()


def test_why_supposes_another_version(updatectl, app):
    text = updatectl("why", app, "m-4", "--version", "1.1.0").stdout

    assert text.startswith("{m-4} would be offered nothing now if it ran 1.1.0: UpToDate.\n")


def test_why_is_0_for_both_answers_and_4_for_a_refusal_where_that_is_asked_for(updatectl, app):
    refused = updatectl("why", app, "m-4", "--exit-code", "-o", "json", check=False)

    assert refused.returncode == 4
    assert json.loads(refused.stdout)["status"]["reason"] == "RateLimited"
    assert updatectl("why", app, "m-0", "--exit-code").returncode == 0


def test_history_tells_the_moves(updatectl, app):
    lines = updatectl("instance", "history", app, "m-0").stdout.splitlines()

    assert cells(lines[0])[:4] == ["Time", "Group", "Update", "Version"]
    assert cells(lines[1])[3:6] == ["1.1.0", "-", "Granted"]
    assert json.loads(updatectl("instance", "history", app, "m-0", "-o", "json").stdout)["kind"] == "InstanceHistory"


def test_reset_ends_the_update_in_flight_and_is_an_event_with_its_reason(team, updatectl, app, extra):
    team.fleet.update("Group", "app-fake1", spec={"rateLimit": {"maxUpdates": 100, "periodSeconds": 3600}})
    team.cluster.omaha.wait_for_answer(omaha_fleet.check(app, extra), "1.1.0")
    dry = updatectl("instance", "reset", app, extra, "--dry-run=server")
    assert "(server dry run)" in dry.stderr
    assert listed(updatectl, app, extra)[0]["status"]["state"] == "Granted"

    done = updatectl("instance", "reset", app, extra, "--reason", "disk replaced")
    team.fleet.update("Group", "app-fake1", spec={"rateLimit": {"maxUpdates": GRANTS, "periodSeconds": 3600}})

    assert done.stdout == f"reset instance: {extra}, for application: {app}; its update to 1.1.0 was ended\n"
    assert listed(updatectl, app, extra)[0]["status"]["state"] != "Granted"
    until(lambda: "disk replaced" in events(team, "InstanceReset"), "the Event")


def test_forget_removes_the_instance(updatectl, app, extra):
    assert "needs --yes" in updatectl.fails("instance", "forget", app, extra, code=2)

    done = json.loads(updatectl("instance", "forget", app, extra, "--yes", "-o", "json").stdout)

    assert done["kind"] == "InstanceForget"
    assert listed(updatectl, app, extra) == []


@pytest.mark.parametrize(("answer", "code", "left"), [("n", 1, 1), ("y", 0, 0)], ids=["no", "yes"])
def test_on_a_terminal_forgetting_asks(updatectl, app, extra, answer, code, left):
    with running(updatectl, "instance", "forget", app, extra, terminal=True) as forget:
        forget.until(f"Forget {extra} of application {app} and its history? [y/N]: ")
        assert len(listed(updatectl, app, extra)) == 1
        forget.type(f"{answer}\n")

        assert forget.process.wait(timeout=30) == code
    assert len(listed(updatectl, app, extra)) == left


def test_a_viewer_reads_all_of_it_and_may_not_reset(team, app):
    viewer = person(team, "viewer")
    assert "{m-4}" in viewer("instance", "list", app).stdout
    assert "RateLimited" in viewer("why", app, "m-4").stdout
    assert viewer("instance", "history", app, "m-0").stdout
    assert "0 of 5 on target" in viewer("group", "status", app, "fake1").stdout

    refused = viewer.fails("instance", "reset", app, "m-0")

    assert "not allowed" in refused
    assert 'cannot create resource "instances/reset"' in refused
    assert "update-service-operator" in refused
    assert "not allowed" in viewer.fails("instance", "forget", app, "m-0", "--yes")


def test_the_operators_role_may_reset(team, app, extra):
    operator = person(team, "operator")

    assert "no update was in flight" in operator("instance", "reset", app, extra).stdout
    until(lambda: f"system:serviceaccount:{team.name}:operator" in events(team, "InstanceReset"), "who did it")


def test_the_status_has_the_counts_of_the_fleet(updatectl, app):
    # Counts follow what is counted within a second or so.
    until(lambda: "0 of 5 on target" in updatectl("group", "status", app, "fake1").stdout, "the counts")
    found = json.loads(updatectl("group", "status", app, "fake1", "-o", "json").stdout)["items"]

    assert [item["kind"] for item in found] == ["Group", "GroupProgress"]


def test_a_watch_tells_of_an_instance_that_arrives(team, updatectl, app):
    with running(updatectl, "group", "watch", app, "fake1") as watch:
        watch.until("0/5 on target  2 in flight")
        team.hear(["{m-0}"], "1.1.0")

        watch.until("1/5 on target  1 in flight")


def test_a_watch_says_once_that_the_fleet_api_is_away_and_goes_on_when_it_is_back(cluster, team, updatectl, app):
    with running(updatectl, "group", "watch", app, "fake1") as watch:
        watch.until("on target")
        cluster.omaha.stop()
        said = watch.until("(the fleet API does not answer)")
        cluster.omaha.start()
        asyncio.run(cluster.register())
        team.hear(["{m-1}"], "1.1.0")

        said += watch.until("2/5 on target")

    assert said.count("the fleet API does not answer") == 1, said


def test_without_the_service_it_is_said_and_groups_are_still_shown(cluster, updatectl, app):
    cluster.omaha.stop()
    try:
        away = updatectl.fails("instance", "list", app)
        shown = updatectl("group", "status", app, "fake1").stdout
    finally:
        cluster.omaha.start()
        asyncio.run(cluster.register())

    assert "the fleet API does not answer" in away
    assert "v1alpha1.fleet.updateservice.dev" in away
    assert "the fleet API does not answer" in shown
    assert "not counted yet" in shown


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(("instance", "get"), "INSTANCE", id="nobody"),
        pytest.param(("instance", "get", "a.b", "c", "d"), "APP_ID and INSTANCE", id="three-words"),
        pytest.param(("why", "not an id", "x"), "no application id", id="appId"),
        pytest.param(("instance", "list", "a.b", "--state", "Lost"), "Downloading", id="state"),
        pytest.param(("instance", "list", "a.b", "--limit", "0"), "--limit", id="limit"),
    ],
)
def test_wrong_usage_ends_with_2(updatectl, words, says):
    assert says in updatectl.fails(*words, code=2)


def events(team, reason: str) -> str:
    """The notes of all Events with this reason."""
    _, found = team.cluster.access.request("GET", f"/apis/events.k8s.io/v1/namespaces/{team.name}/events")
    return "\n".join(event["note"] for event in found["items"] if event["reason"] == reason)
