"""What instances tell of their updates, and what that moves."""

import contextlib

import pytest

from omaha_api.store.sqlite import connections
from support import omaha_port, omaha_requests, store_rows, waiting
from support.omaha_requests import PING, UPDATECHECK, xml_check, xml_event
from update_core.omaha import events
from update_core.omaha.events import ErrorFlag
from update_core.rollout.model import Reason

ONE_AT_A_TIME = {"maxInFlight": 1}


def states(omaha, app_id, machine="m"):
    """The states of all grants that a machine was ever given."""
    return [state for _, state in store_rows.grants(omaha.process, app_id, machine)]


def failure(omaha, app_id, machine):
    """State, error code and detail of a machine's latest grant."""
    query = "SELECT state, error_code, detail FROM grants WHERE app_id = ? AND instance_id = ? ORDER BY number DESC"
    with contextlib.closing(connections.connect_reader(omaha.process.database)) as database:
        return database.execute(query, (app_id, machine)).fetchone()


def check(app_id, machine="m", version="1.0.0", **attributes):
    return xml_check(app_id, PING, UPDATECHECK, xml_event(3, 2), machineid=machine, version=version, **attributes)


def tell(omaha, app_id, *codes, machine="m", version="1.0.0", **attributes):
    """Each event in a request of its own, as clients send them."""
    for code in codes:
        omaha.ask(xml_check(app_id, xml_event(*code, **attributes), machineid=machine, version=version))


@pytest.mark.omaha_point(
    45, breaks="operators: update_engine sends 3:2 with every check, and every rollout would look complete"
)
@pytest.mark.parametrize("previous", ["", "0.0.0.0", "1.0.0", "1.1.0", "garbage"])
def test_an_update_complete_event_of_every_check_completes_nothing(omaha, fleet, app_id, previous):
    """3:2, which comes with every check, completes nothing, frees no slot, and leaves nothing of a machine without an update under way."""
    fleet.roll_out("1.1.0", **ONE_AT_A_TIME)
    omaha.expect("Offer", check(app_id, "holder"))
    event = xml_event(3, 2, previousversion=previous)

    omaha.ask(xml_check(app_id, event, machineid="holder"))
    for version in ("1.0.0", "1.1.0"):
        before = omaha.events()
        body = xml_check(app_id, UPDATECHECK, event, machineid="other", version=version)
        assert omaha.answer(body)[0] == (Reason.TOO_MANY_IN_FLIGHT if version == "1.0.0" else Reason.UP_TO_DATE)
        assert dict(omaha.events() - before) == {(3, 2, False): 1}

    assert states(omaha, app_id, "holder") == ["Granted"]
    assert states(omaha, app_id, "other") == []


WALK = (((13, 1), "Downloading"), ((14, 1), "Downloaded"), ((3, 1), "Installed"))
ALONE = {
    "nothing yet": ((), "Granted"),
    "download started": ([(13, 1)], "Downloading"),
    "download complete": ([(1, 1)], "Downloaded"),
    "install complete": ([(2, 1)], "Installed"),
    "installed, waiting": ([(800, 1)], "Installed"),
    "deferred": ([(3, 9)], "OnHold"),
    "steps left out": ([(3, 1)], "Installed"),
    "backwards": ([(3, 1), (14, 1), (13, 1)], "Installed"),
    "another URL is tried": ([(13, 1), (14, 0), (1, 0)], "Downloading"),
    "rebooted": ([(14, 1), (54, 1)], "Downloaded"),
    "unknown": ([(14, 1), (4711, 1)], "Downloaded"),
    "failed": ([(13, 1), (3, 0)], "Failed"),
    "installer's error": ([(2, 0)], "Failed"),
    "cancelled": ([(13, 1), (3, 4)], "Released"),
    "failed, and again": ([(3, 0), (14, 1), (3, 1)], "Failed"),
}


@pytest.mark.omaha_point(46, breaks="operators: progress, failures and the pace of a rollout hang on it")
def test_an_update_goes_from_granted_to_installed_by_events_and_completes_by_its_version(omaha, fleet, app_id):
    """13, 14 and 3:1 move an update from granted to downloading, downloaded, installed; a request from the new version completes it."""
    fleet.roll_out("1.1.0")
    omaha.expect("Offer", check(app_id))
    assert states(omaha, app_id) == ["Granted"]

    for code, state in WALK:
        tell(omaha, app_id, code)
        # At once: what moves is durable before its acknowledgement.
        assert states(omaha, app_id) == [state]

    assert omaha_port.offered(omaha.ask(check(app_id, version="1.1.0", bootid="{after}"))) is None
    assert states(omaha, app_id) == ["Complete"]


@pytest.mark.omaha_point(46)
@pytest.mark.parametrize(("codes", "state"), ALONE.values(), ids=ALONE.keys())
def test_states_only_go_forward_and_the_version_completes_from_each(omaha, fleet, app_id, codes, state):
    fleet.roll_out("1.1.0")
    omaha.expect("Offer", check(app_id))

    tell(omaha, app_id, *codes)
    assert states(omaha, app_id) == [state]

    tell(omaha, app_id, (3, 2), version="1.1.0.0")
    assert states(omaha, app_id) == [state if state in {"Failed", "Released"} else "Complete"]


@pytest.mark.omaha_point(46)
def test_an_installed_update_waits_for_its_restart_and_failed_if_the_old_version_comes_back(omaha, fleet, app_id):
    fleet.roll_out("1.1.0")
    installed = ("back", "waits")
    for machine in installed:
        omaha.expect("Offer", check(app_id, machine, bootid="{before}"))
        omaha.ask(xml_check(app_id, xml_event(3, 1), machineid=machine, bootid="{before}"))

    omaha.ask(xml_check(app_id, PING, machineid="waits", bootid="{before}"))
    assert states(omaha, app_id, "waits") == ["OnHold"]

    omaha.ask(check(app_id, "back", bootid="{before}"))
    assert states(omaha, app_id, "back") == ["Installed"]
    omaha.ask(check(app_id, "back", bootid="{after}"))
    assert store_rows.grants(omaha.process, app_id, "back")[0] == ("1.1.0", "Failed")


@pytest.mark.omaha_point(46)
@pytest.mark.parametrize("ends", [(3, 0), (3, 4)], ids=["failed", "cancelled"])
def test_an_update_that_ends_frees_its_slot(omaha, fleet, app_id, ends):
    fleet.roll_out("1.1.0", **ONE_AT_A_TIME)
    omaha.expect("Offer", check(app_id))
    assert omaha.answer(check(app_id, "other"))[0] == Reason.TOO_MANY_IN_FLIGHT

    tell(omaha, app_id, ends)

    assert omaha.answer(check(app_id, "other"))[0] == "Offer"


@pytest.mark.omaha_point(
    47, breaks="every client that loses an answer: told that its update is under way, it would never get it"
)
@pytest.mark.parametrize(
    "group", [{}, ONE_AT_A_TIME, {"rateLimit": {"maxUpdates": 1, "periodSeconds": 3600}}], ids=["free", "slots", "rate"]
)
def test_an_instance_that_asks_again_is_offered_the_same_again(omaha, fleet, app_id, group):
    """An instance that was offered an update and asks again gets the same offer; one that is stuck becomes eligible again after a time."""
    fleet.roll_out("1.1.0", **group)
    first = omaha.expect("Offer", check(app_id))
    tell(omaha, app_id, (13, 1), (14, 1))

    for _ in range(3):
        again = omaha.ask(check(app_id, bootid="{another}"))
        assert again.body.partition(b"<app ")[2] == first.body.partition(b"<app ")[2]

    assert states(omaha, app_id) == ["Downloaded"]


@pytest.mark.omaha_point(47)
@pytest.mark.parametrize(
    ("codes", "ended"), [((), "Lapsed"), (((13, 1), (14, 1)), "TimedOut")], ids=["before", "after the download"]
)
def test_an_update_that_is_stuck_ends_after_its_time_and_may_still_turn_out_well(omaha, fleet, app_id, codes, ended):
    fleet.roll_out("1.1.0", updateTimeoutSeconds=1, maxInFlight=2, rollout={"retry": {"backoffSeconds": 0}})
    for machine in ("m", "late"):
        omaha.expect("Offer", check(app_id, machine))
        tell(omaha, app_id, *codes, machine=machine)
    for machine in ("m", "late"):
        waiting.until(lambda machine=machine: states(omaha, app_id, machine) == [ended], f"it is {ended}", within=15)

    # The slots are free, also for one that was stuck.
    assert omaha.answer(check(app_id, "m"))[0] == "Offer"
    assert states(omaha, app_id)[0] == ended
    assert len(states(omaha, app_id)) == 2
    # Who comes with the new version after all has made it.
    assert omaha.answer(check(app_id, "late", "1.1.0"))[0] == Reason.UP_TO_DATE
    assert states(omaha, app_id, "late") == ["Complete"]


ERRORS = {
    "9": (9, ErrorFlag(0), "Failed", ""),
    "268435465": (9, ErrorFlag.CUSTOM_OMAHA_URL, "Failed", ""),
    "-1879048183": (9, ErrorFlag.DEVELOPER_MODE | ErrorFlag.CUSTOM_OMAHA_URL, "Failed", ""),
    "-268435447": (
        9,
        ErrorFlag.DEVELOPER_MODE | ErrorFlag.RESUMED | ErrorFlag.TEST_IMAGE | ErrorFlag.CUSTOM_OMAHA_URL,
        "Failed",
        "",
    ),
    "268435500": (44, ErrorFlag.CUSTOM_OMAHA_URL, "Failed", "RolledBack"),
    "2000": (2000, ErrorFlag(0), "Failed", ""),
    "9223372036854775807": (0x0FFFFFFF, ErrorFlag(0xF0000000), "Failed", ""),
    "-9223372036854775808": (0, ErrorFlag(0), "Failed", ""),
    # What went wrong there is the talk with the service, not the update.
    "268435490": (34, ErrorFlag.CUSTOM_OMAHA_URL, "Granted", ""),
    "268437959": (2503, ErrorFlag.CUSTOM_OMAHA_URL, "Granted", ""),
}


@pytest.mark.omaha_point(
    48, breaks="operators: update_engine sets bits of its own in every code, and prints it as a negative number"
)
@pytest.mark.parametrize("sent", ERRORS)
def test_an_error_code_is_kept_as_sent_and_understood_without_its_flags(omaha, fleet, app_id, sent):
    """An error code is a signed number of 64 bits: it is kept as it was sent, and understood by what is left without its flags."""
    base, flags, state, detail = ERRORS[sent]
    fleet.roll_out("1.1.0")
    omaha.expect("Offer", check(app_id))

    tell(omaha, app_id, (3, 0), errorcode=sent)

    kept = int(sent) if state == "Failed" else None
    assert failure(omaha, app_id, "m") == (state, kept, detail)
    decoded = events.decode(int(sent))
    assert (decoded.raw, decoded.base, decoded.flags) == (int(sent), base, flags)


@pytest.mark.omaha_point(48)
@pytest.mark.parametrize("sent", ["9223372036854775808", "1e3", "", "0x2c", "9" * 4000])
def test_an_error_code_that_is_none_leaves_the_failure_standing(omaha, fleet, app_id, sent):
    fleet.roll_out("1.1.0")
    omaha.expect("Offer", check(app_id))

    tell(omaha, app_id, (3, 0), errorcode=sent)

    assert failure(omaha, app_id, "m") == ("Failed", None, "")


@pytest.mark.omaha_point(58, breaks="operators: a proxy that sends a request twice would count one failure for two")
@pytest.mark.parametrize("protocol", ["xml", "3.0", "3.1", "4.0"])
def test_a_request_that_comes_twice_is_counted_once(omaha, guide_app, protocol):
    """The events of a request that is played again, with the same requestid, aren't counted again; its answer is the same."""

    def report(requestid):
        if protocol == "xml":
            app = omaha_requests.xml_app(guide_app, xml_event(2, 2), machineid="m")
            return omaha_requests.xml(app, requestid=requestid, sessionid="{s}")
        name = "events" if protocol == "4.0" else "event"
        app = omaha_requests.json_app(guide_app, updatecheck=None, **{name: [{"eventtype": 2, "eventresult": 2}]})
        return omaha_requests.in_json(protocol, app, requestid=requestid, sessionid="{s}")

    def counted(requestid):
        before = omaha.events()
        omaha.ask(report(requestid))
        return (omaha.events() - before).total()

    assert [counted(requestid) for requestid in (f"{{{protocol} 1}}", f"{{{protocol} 1}}", f"{{{protocol} 2}}")] == [
        1,
        0,
        1,
    ]
    # Without an id nothing can be known to be the same.
    assert [counted(""), counted("")] == [1, 1]
