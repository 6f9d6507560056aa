"""Clients that others wrote, as their registries have them, get along with the real service: Fuchsia's, go-omaha's, and Nebraska's updater.

The programs around them are tests/e2e/peers. Their own code asks, verifies, parses and reports; the test plays people and operator.
"""

import base64
import hashlib
import json

import pytest

from support import cup_keys, omaha_clients_all, omaha_fleet, peers, store_rows
from support.kube_fleet import KubeFleet
from support.omaha_process import OmahaProcess, running
from support.ports import free_port
from support.waiting import until
from updatectl import cup_forms

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]  # the first on a machine builds the programs

PAYLOAD = b"what an update is made of"
SHA1 = hashlib.sha1(PAYLOAD).hexdigest()
SHA256 = hashlib.sha256(PAYLOAD).hexdigest()

KEY_ID = "4711"
MACHINE = "0123456789abcdef0123456789abcdef"
DONE = [(13, 1), (14, 1), (3, 1)]


@pytest.fixture(scope="module")
def fuchsia_program():
    return peers.fuchsia()


@pytest.fixture(scope="module")
def goomaha_program():
    return peers.goomaha()


@pytest.fixture(scope="module")
def key():
    """The private key that the service has."""
    return cup_keys.pem()


@pytest.fixture(scope="module")
def omaha(control_plane, tmp_path_factory, key):
    """The service, for all tests here: each has an application of its own."""
    folder = tmp_path_factory.mktemp("omaha")
    keys = cup_keys.MountedSecret(folder / "keys", **{f"k{KEY_ID}": key})
    flags = ["--kubeconfig", str(control_plane.kubeconfig), "--cup-keys-dir", str(keys.folder)]
    with running(OmahaProcess(folder, flags)) as process:
        yield process.start()


@pytest.fixture
def fleet(control_plane, namespace, app_id, omaha):
    """The application at 1.0.0, known to the service."""
    fleet = KubeFleet(control_plane, namespace, app_id)
    fleet.roll_out("1.0.0")
    omaha.wait_for_answer(omaha_fleet.check(app_id, "probe", "0.9.0"), "1.0.0")
    return fleet


@pytest.fixture
def promote(fleet, omaha, app_id):
    """Begin the rollout to 1.1.0."""

    def promote():
        details = {"sha1": SHA1, "sha256": SHA256, "size": len(PAYLOAD)}
        package = fleet.create(omaha_fleet.package("1.1.0", **details))
        fleet.update("Channel", "app-master", spec={"version": "1.1.0"})
        fleet.stamp(package)
        omaha.wait_for_answer(omaha_fleet.check(app_id, "probe"), "1.1.0")

    return promote


@pytest.fixture
def pause(fleet, omaha, app_id):
    """Pause the group."""

    def pause():
        fleet.update("Group", "app-fake1", spec={"paused": True})
        omaha.wait_for_answer(omaha_fleet.check(app_id, "another probe"), "noupdate")

    return pause


@pytest.fixture
def device(fuchsia_program, tmp_path, omaha, app_id):
    """A device with Fuchsia's client."""

    def device(pem=None, *, key_id=KEY_ID, port=None, apps=()):
        arguments = [f"--url=http://127.0.0.1:{port or omaha.port}/v1/update/", "--track=fake1"]
        arguments += [f"--app={appid}={version}" for appid, version in apps or [(app_id, "1.0.0")]]
        if pem is not None:
            keys = tmp_path / "keys.json"
            keys.write_text(cup_forms.fuchsia(cup_forms.NamedKey(key_id, cup_keys.public(pem))))
            arguments.append(f"--keys={keys}")
        return peers.running(fuchsia_program, tmp_path / "fuchsia.log", *arguments)

    return device


@pytest.fixture
def program(goomaha_program, tmp_path, omaha, app_id):
    """A program that stands on go-omaha's client, or on Nebraska's updater."""

    def program(client, *, app=app_id):
        arguments = [
            f"--client={client}", f"--url=http://127.0.0.1:{omaha.port}/v1/update/", f"--app-id={app}",
            f"--machine={MACHINE}", "--version=1.0.0", "--track=fake1",
        ]  # fmt: skip
        return peers.running(goomaha_program, tmp_path / f"{client}.log", *arguments)

    return program


def assert_parsers_agree(turn):
    """Our own strict parsers take what the client took."""
    for exchange in turn.all("exchange"):
        assert exchange["status"] == 200, exchange
        answer = exchange["response"].encode()
        omaha_clients_all.assert_accepted(exchange["request"].encode(), answer, exchange["headers"]["content-type"])


# Fuchsia


def test_fuchsia_updates_and_the_fleet_knows_it_by_the_cohort_that_it_was_given(device, omaha, promote, app_id, key):
    with device(key) as fuchsia:
        before = fuchsia.tell("check")
        promote()
        updated = fuchsia.tell("check")
        after = fuchsia.tell("check")

    assert (before.the("result")["apps"][0]["action"], before.events()) == ("NoUpdate", [])
    assert updated.the("result")["apps"][0]["action"] == "Updated"
    assert updated.events() == DONE
    plan = updated.the("plan")
    assert (plan["version"], plan["signed"]) == ("1.1.0", True)
    assert plan["urls"] == [f"http://127.0.0.1:{omaha.port}/packages/update.gz"]
    package = {"name": "update.gz", "required": True, "size": len(PAYLOAD), "hash_sha256": SHA256, "fp": f"1.{SHA256}"}
    (offered,) = plan["packages"]
    assert offered | package == offered
    assert after.the("result")["apps"][0]["action"] == "NoUpdate"
    assert [app["version"] for app in after.requests()[0]["app"]] == ["1.1.0.0"]
    day = before.responses()[0]["daystart"]["elapsed_days"]
    assert updated.requests()[0]["app"][0]["ping"] == {"ad": day, "rd": day}, "it counts days as it was told"
    for turn in (before, updated, after):
        assert_parsers_agree(turn)

    # It sends no id. This is what it was told with its first answer, has kept since, and is known by.
    cohort = before.the("result")["apps"][0]["cohort"]
    assert {
        app.get("cohort") for turn in (updated, after) for request in turn.requests() for app in request["app"]
    } == {cohort}
    until(lambda: store_rows.instances(omaha, app_id).get(cohort) == "1.1.0.0", "the device is in the store")
    assert store_rows.grants(omaha, app_id, cohort) == [("1.1.0", "Complete")]


def test_fuchsia_reports_a_failed_installation_and_it_counts(device, omaha, promote, app_id):
    promote()
    with device() as fuchsia:
        failed = fuchsia.tell("fail")

    assert failed.the("result")["apps"][0]["action"] == "InstallPlanExecutionError"
    assert failed.events() == [(13, 1), (3, 0)]
    # By its session: the cohort that its first answer has was too late for the events.
    cohort = failed.the("result")["apps"][0]["cohort"]
    assert store_rows.grants(omaha, app_id, cohort) == [("1.1.0", "Failed")]


def test_fuchsia_is_quiet_about_a_refusal(device, promote, pause):
    promote()
    pause()
    with device() as fuchsia:
        refused = fuchsia.tell("check")

    assert refused.the("result")["apps"][0]["action"] == "NoUpdate"
    (response,) = refused.responses()
    assert [app["updatecheck"]["status"] for app in response["app"]] == ["noupdate"]
    assert_parsers_agree(refused)


def test_fuchsia_takes_the_answers_of_several_applications_apart(device, promote, app_id):
    promote()
    apps = [("unknown.to.the.service", "1.0.0"), (app_id, "1.0.0")]
    with device(apps=apps) as fuchsia:
        updated = fuchsia.tell("check")

    actions = [(app["appid"], app["action"]) for app in updated.the("result")["apps"]]
    assert actions == [(apps[0][0], "NoUpdate"), (app_id, "Updated")]
    assert updated.events() == DONE


OTHER_KEYS = [
    pytest.param(KEY_ID, 200, "could not verify etag header's signature", id="another key under this id"),
    pytest.param("4712", 400, "etag header missing", id="an id that the service doesn't know"),
]


@pytest.mark.parametrize(("key_id", "status", "reason"), OTHER_KEYS)
def test_fuchsia_trusts_nothing_that_another_key_signed(device, promote, key_id, status, reason):
    promote()
    with device(cup_keys.pem(), key_id=key_id) as fuchsia:
        turn = fuchsia.tell("check")

    assert turn.the("exchange")["status"] == status, "it asks once, and says nothing more"
    assert reason in turn.the("result")["error"]
    assert not turn.all("plan")


def test_fuchsia_believes_a_signed_503_and_stays_away_for_as_long_as_it_says(device, tmp_path, key):
    keys = cup_keys.MountedSecret(tmp_path / "keys", **{f"k{KEY_ID}": key})
    nowhere = tmp_path / "kubeconfig"
    nowhere.write_text(json.dumps(kubeconfig(f"http://127.0.0.1:{free_port()}")))
    flags = ["--kubeconfig", str(nowhere), "--cup-keys-dir", str(keys.folder)]
    # Nobody is at that address, so the service has nothing to answer from.
    with running(OmahaProcess(tmp_path, flags)) as empty:
        empty.start(ready=False)
        until(lambda: answers(empty), "the public port is open", within=30)
        with device(key, port=empty.port) as fuchsia:
            turn = fuchsia.tell("check")

    assert [exchange["status"] for exchange in turn.all("exchange")] == [503], "it doesn't try again"
    assert "503" in turn.the("result")["error"]
    assert 1 <= turn.all("protocol")[-1]["poll_interval_seconds"] <= 86400


def kubeconfig(server):
    return {
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }


def answers(process):
    try:
        return process.post(b"").status == 503
    except OSError:
        return False


# go-omaha


def test_go_omaha_updates_and_finds_the_payload_as_it_was_offered(program, omaha, promote, app_id, tmp_path):
    payload = tmp_path / "update.gz"
    payload.write_bytes(PAYLOAD)
    with program("goomaha") as client:
        before = client.tell("check").the("check")
        assert "error" not in client.tell("ping").the("ping")
        promote()
        offered = client.tell("check").the("check")
        verified = client.tell("verify", payload).the("verify")
        for event in DONE:
            assert "error" not in client.tell("event", *event).the("event"), event
        client.tell("boot", "1.1.0")
        after = client.tell("check").the("check")
        assert "error" not in client.tell("event", 3, 2).the("event")

    assert before["error"] == after["error"] == "omaha: update status noupdate"
    assert (offered["version"], offered["urls"]) == ("1.1.0", [f"http://127.0.0.1:{omaha.port}/packages/"])
    # Its own idea of hash_sha256 is base64, against the protocol and everybody else; size and SHA-1 it takes as they are.
    assert verified == {"line": "verify", "as_it_is": "package hash is invalid", "as_it_wants": "ok"}
    (action,) = offered["actions"]
    assert (action["Event"], base64.b64decode(action["SHA256"]).hex()) == ("postinstall", SHA256)
    until(lambda: store_rows.instances(omaha, app_id).get(MACHINE) == "1.1.0", "the instance is in the store")
    assert store_rows.grants(omaha, app_id, MACHINE) == [("1.1.0", "Complete")]


def test_go_omaha_reports_an_error_and_it_counts(program, omaha, promote, app_id):
    promote()
    with program("goomaha") as client:
        client.tell("check")
        assert "error" not in client.tell("event", 3, 0, 10).the("event")

    assert store_rows.grants(omaha, app_id, MACHINE) == [("1.1.0", "Failed")]


def test_go_omaha_finds_its_application_under_the_very_id_that_it_sent(program, fleet, app_id):
    with program("goomaha", app=f"{{{app_id.upper()}}}") as client:
        assert "error" not in client.tell("ping").the("ping")
        assert client.tell("check").the("check")["error"] == "omaha: update status noupdate"


def test_go_omaha_is_told_that_an_application_is_unknown_in_words_that_it_knows(program):
    with program("goomaha", app="unknown.to.the.service") as client:
        check = client.tell("check").the("check")
        event = client.tell("event", 13, 1).the("event")

    assert check["kind"] == event["kind"] == "omaha.AppStatus"
    assert check["error"] == event["error"] == "omaha: app status error-unknownApplication"


# Nebraska's updater


def test_nebraskas_updater_updates(program, omaha, promote, app_id):
    with program("nebraska") as client:
        before = client.tell("update").the("update")
        promote()
        updated = client.tell("update").the("update")
        after = client.tell("check").the("check")

    assert (before["status"], before["instance_version"]) == ("noupdate", "1.0.0")
    assert "error" not in updated, updated
    assert (updated["version"], updated["instance_version"]) == ("1.1.0", "1.1.0")
    assert (after["has_update"], after["status"]) == (False, "noupdate")
    until(lambda: store_rows.instances(omaha, app_id).get(MACHINE) == "1.1.0", "the instance is in the store")
    assert store_rows.grants(omaha, app_id, MACHINE) == [("1.1.0", "Complete")]


def test_nebraskas_updater_reports_an_error_and_it_counts(program, omaha, promote, app_id):
    promote()
    with program("nebraska") as client:
        failed = client.tell("fail").the("fail")

    assert failed["error"].startswith("applying update")
    assert store_rows.grants(omaha, app_id, MACHINE) == [("1.1.0", "Failed")]


def test_nebraskas_updater_finds_a_check_and_a_status_also_where_the_application_is_unknown(program):
    with program("nebraska", app="unknown.to.the.service") as client:
        check = client.tell("check").the("check")
        progress = client.tell("progress").the("progress")

    assert (check["has_update"], check["status"]) == (False, "error-internal")
    assert "error-unknownApplication" in progress["error"]
