"""When there is an update and when there is none: versions, wishes and obstacles. A no is always noupdate, without its reason."""

from datetime import UTC, datetime, timedelta

import pytest

from support import kinds, omaha_fleet, omaha_port, omaha_requests, store_rows, waiting
from support.omaha_requests import PING, json_check, xml_check, xml_event
from update_core.rollout.model import Reason
from update_operator.reconcile import group
from update_operator.reconcile.outcome import Contact, Fleet

EVERY_DIALECT = pytest.mark.parametrize("protocol", ["xml", "3.0", "3.1", "4.0"])

ONE_AN_HOUR = {"rateLimit": {"maxUpdates": 1, "periodSeconds": 3600}}
NEW = {"version": "1.0.0", "machineid": "m"}
NEXT_YEAR = (datetime.now(UTC) + timedelta(days=365)).strftime("%Y-%m-%dT%H:%M:%SZ")
IN_TWO_DAYS = (datetime.now(UTC) + timedelta(days=2)).strftime("%A")
FROZEN = {"freezes": [{"start": "2026-01-01T00:00:00Z", "end": NEXT_YEAR}]}
SHUT = {"maintenanceWindows": [{"days": [IN_TWO_DAYS], "startTime": "12:00", "durationSeconds": 60, "timeZone": "UTC"}]}
APPROVED_WAVES = {
    "rollout": {"waves": [{"name": "nobody", "percent": 0}, {"name": "rest", "percent": 100, "approval": "Required"}]}
}
REFUSED = {
    Reason.UPDATES_DISABLED_BY_CLIENT: ({}, {"updatedisabled": True}, NEW),
    Reason.VERSION_UNPARSABLE: ({}, {}, NEW | {"version": "garbage"}),
    Reason.UP_TO_DATE: ({}, {}, NEW | {"version": "1.1.0"}),
    Reason.EXCLUDED: ({"exclude": {"oems": ["qemu"]}}, {}, NEW | {"oem": "qemu"}),
    Reason.VERSION_BLOCKED: ({"versionPolicy": {"blockedVersions": ["1.1.0"]}}, {}, NEW),
    Reason.PAUSED: ({"paused": True}, {}, NEW),
    Reason.FROZEN: (FROZEN, {}, NEW),
    Reason.OUTSIDE_WINDOW: (SHUT, {}, NEW),
    Reason.ANONYMOUS_INSTANCE: ({"maxInFlight": 5}, {}, NEW | {"machineid": ""}),
    Reason.TOO_MANY_IN_FLIGHT: ({"maxInFlight": 1}, {}, NEW),
    Reason.RATE_LIMITED: (ONE_AN_HOUR, {}, NEW),
    Reason.HALTED: ({"rollout": {"halt": {"version": "1.1.0", "reason": "it eats disks"}}}, {}, NEW),
    Reason.DEPENDENCY_NOT_MET: ({"rollout": {"dependsOn": [{"groupRef": {"name": "app-first"}}]}}, {}, NEW),
    Reason.AWAITING_APPROVAL: (APPROVED_WAVES | {"course": {"open": [omaha_fleet.wave("nobody", percent=0)]}}, {}, NEW),
    Reason.NOT_IN_COHORT: (APPROVED_WAVES | {"course": {"open": []}}, {}, NEW),
}
"""Reason → the group's spec and what is stamped of its course, the question, and what the machine says of itself. Where there is a limit
another machine has used it up."""
OF_ALL = {
    Reason.VERSION_BLOCKED,
    Reason.PAUSED,
    Reason.FROZEN,
    Reason.OUTSIDE_WINDOW,
    Reason.HALTED,
    Reason.DEPENDENCY_NOT_MET,
    Reason.AWAITING_APPROVAL,
    Reason.NOT_IN_COHORT,
}
"""These hold back the whole group."""
OF_PACKAGES = {
    Reason.NO_PATH: ({"minFromVersion": "1.0.1"}, {}),
    Reason.DEAD_END: ({}, {"deadEnd": {"reason": "it can't be left"}}),
    Reason.WITHDRAWN: ({"withdrawn": {"reason": "it crashes"}}, {}),
}
"""Reason → what is added to the new version's Package, and to the one that the instance runs."""
WITHOUT_RESOURCES = {Reason.ROLLOUT_PENDING, Reason.PACKAGE_UNAVAILABLE, Reason.STALE_CATALOG}
"""These come of resources that change, see below."""
FAILED_BEFORE = {Reason.BACKING_OFF, Reason.ATTEMPTS_EXHAUSTED}
"""These come of an instance's own failures, see below."""
ELSEWHERE = {Reason.STORE_UNAVAILABLE, Reason.ENROLMENT_LIMITED}
"""Tried with a full disk, where the faults of the service are, and with narrow bounds, where its networks are."""


def assert_is_noupdate(reply):
    """No update, in words that no client takes for a failure, and without the reason."""
    (app,) = reply.apps()
    assert (app.get("status"), app.find("updatecheck").get("status")) == ("ok", "noupdate")
    assert not any(reason.encode() in reply.body for reason in Reason)


@pytest.mark.omaha_point(25, breaks="update_engine: it reports any other status as a failed update of its own")
@pytest.mark.parametrize("reason", REFUSED)
def test_whatever_stands_in_the_way_of_an_update_is_told_as_no_update(omaha, fleet, app_id, reason):
    """Pause, limits, exclusions and whatever else forbids an update now are all told as noupdate, in an application with status ok."""
    spec, asked, told = REFUSED[reason]
    fleet.roll_out("1.1.0", **spec)
    if reason not in OF_ALL:
        omaha.expect("Offer", xml_check(app_id, machineid="first"))

    words = "".join(f' {name}="true"' for name in asked)
    assert_is_noupdate(omaha.expect(reason, xml_check(app_id, PING, f"<updatecheck{words}/>", **told)))
    for protocol in ("3.0", "3.1", "4.0"):
        reply = omaha.expect(reason, json_check(protocol, app_id, updatecheck=asked, **told))
        assert (omaha_port.apps(reply)[0]["status"], omaha_port.offered(reply)) == ("ok", None)


@pytest.mark.omaha_point(25)
@pytest.mark.parametrize("reason", OF_PACKAGES)
def test_a_version_that_nobody_may_get_from_where_it_is_is_told_as_no_update(omaha, fleet, app_id, reason):
    new, old = OF_PACKAGES[reason]
    fleet.roll_out("1.1.0", payload=new)
    fleet.create(omaha_fleet.package("1.0.0", **old))

    assert_is_noupdate(omaha.expect(reason, xml_check(app_id, **NEW)))


@pytest.mark.omaha_point(25)
def test_a_rollout_that_waits_goes_back_or_lost_its_package_is_told_as_no_update(omaha, fleet, app_id):
    fleet.roll_out("1.1.0")
    body = xml_check(app_id, machineid="m")
    omaha.expect("Offer", body)

    fleet.update("Channel", "app-master", spec={"version": "1.2.0"})
    assert_is_noupdate(omaha.expect(Reason.ROLLOUT_PENDING, body))

    later = fleet.create(omaha_fleet.package("1.2.0"))
    fleet.stamp(later)
    omaha.expect("Offer", body)
    stamped = omaha_fleet.status(later, sequence=1, started="2026-03-01T12:00:00Z")
    fleet.update("Group", "app-fake1", suffix="/status", status=stamped)
    assert_is_noupdate(omaha.expect(Reason.STALE_CATALOG, body))


@pytest.mark.omaha_point(25)
def test_who_failed_is_told_no_update_until_it_may_try_again_and_after_its_last_attempt(omaha, fleet, app_id):
    fleet.roll_out("1.1.0", rollout={"retry": {"maxAttempts": 2, "backoffSeconds": 2}})
    body, failure = xml_check(app_id, machineid="m"), xml_event(3, 0)

    omaha.expect("Offer", body)
    omaha.ask(xml_check(app_id, failure, machineid="m"))
    assert_is_noupdate(omaha.expect(Reason.BACKING_OFF, body))

    omaha.expect("Offer", body)
    omaha.ask(xml_check(app_id, failure, machineid="m"))
    assert_is_noupdate(omaha.expect(Reason.ATTEMPTS_EXHAUSTED, body))


@pytest.mark.omaha_point(25)
def test_every_reason_there_is_has_been_told_as_no_update():
    assert REFUSED.keys() | OF_PACKAGES.keys() | WITHOUT_RESOURCES | FAILED_BEFORE | ELSEWHERE == set(Reason)


@pytest.mark.omaha_point(26, breaks="every client: it would install an old version over a new one")
@EVERY_DIALECT
def test_an_instance_at_the_channel_s_version_or_above_is_offered_nothing(omaha, guide_app, protocol):
    """An instance that runs the channel's version or a higher one gets no update, not even a lower one that it would take."""
    for version in ("1.1.0", "1.1.0.0", "1.1.1", "2", "1.10"):
        reply = omaha.ask(omaha_requests.check(protocol, guide_app, version=version, machineid="m"))

        assert omaha_port.offered(reply) is None, version


def asks_for_a_rollback(app_id, allowed="true"):
    return xml_check(app_id, f'<updatecheck rollback_allowed="{allowed}"/>', version="2.0.0", machineid="m")


@pytest.mark.omaha_point(26)
def test_a_lower_version_takes_a_client_that_allows_it_and_a_group_that_does(omaha, fleet, app_id):
    fleet.roll_out("1.1.0")
    omaha.expect(Reason.UP_TO_DATE, asks_for_a_rollback(app_id))

    fleet.update("Group", "app-fake1", spec={"versionPolicy": {"allowDowngrade": True}})

    assert omaha_port.offered(omaha.expect("Offer", asks_for_a_rollback(app_id))) == "1.1.0"
    assert omaha.answer(asks_for_a_rollback(app_id, "false"))[0] == Reason.UP_TO_DATE


@pytest.mark.omaha_point(27, breaks="Chromium, Omaha 3: they repair an installation by fetching its own version")
@pytest.mark.parametrize("protocol", ["xml", "3.1", "4.0"])
def test_an_instance_that_asks_for_its_own_version_again_is_offered_it(omaha, guide_app, protocol):
    """With sameversionupdate the channel's version is offered to an instance that already runs it, and still no lower one."""

    def asks(version):
        if protocol == "xml":
            return xml_check(guide_app, '<updatecheck sameversionupdate="true"/>', version=version, machineid="same")
        return json_check(protocol, guide_app, updatecheck={"sameversionupdate": True}, version=version)

    assert omaha_port.offered(omaha.ask(asks("1.1.0"))) == "1.1.0"
    assert omaha_port.offered(omaha.ask(asks("1.0.0"))) == "1.1.0"
    assert omaha_port.offered(omaha.ask(asks("1.1.1"))) is None


@pytest.mark.omaha_point(
    28, breaks="Chromium's and Omaha 3's administrators: their policy says that nothing is updated"
)
@EVERY_DIALECT
def test_an_instance_whose_owner_disabled_updates_gets_none_and_is_heard_all_the_same(omaha, guide_app, protocol):
    """With updatedisabled there is no update; the ping is acknowledged as ever, and people are told whose wish it is."""
    if protocol == "xml":
        reply = omaha.ask(xml_check(guide_app, PING, '<updatecheck updatedisabled="true"/>', machineid="m"))
        (app,) = reply.apps()
        assert app.find("ping").get("status") == "ok"
    else:
        reply = omaha.ask(json_check(protocol, guide_app, updatecheck={"updatedisabled": True}))
        (app,) = omaha_port.apps(reply)
        assert app["ping"] == {"status": "ok"}
        assert app["updatecheck"]["info"] == "update disabled by client"

    assert omaha_port.offered(reply) is None


PREFIXES = {
    "": True, "1": True, "1.2": True, "1.2.": True, "1.2.34": True, "1.2.34.5": True, "1.2.34.5$": True,
    "1.2.3": False, "1.2.34$": False, "1.20": False, "2": False, "1.2.34.5.6": False, "x": False, "$": False,
}  # fmt: skip


@pytest.mark.omaha_point(
    29, breaks="Chromium's and ChromeOS' administrators: they pin fleets to 1.2.3 and don't mean 1.2.34"
)
@EVERY_DIALECT
def test_a_version_prefix_of_the_client_counts_by_components(omaha, fleet, app_id, protocol):
    """With targetversionprefix only versions are offered that begin with its components; with a dollar sign behind, only that very one."""
    fleet.roll_out("1.2.34.5")
    omaha.expect("Offer", xml_check(app_id, machineid="m"))

    answers = {}
    for prefix in PREFIXES:
        if protocol == "xml":
            body = xml_check(app_id, f'<updatecheck targetversionprefix="{prefix}"/>', machineid="m")
        else:
            body = json_check(protocol, app_id, updatecheck={"targetversionprefix": prefix})
        answers[prefix] = omaha_port.offered(omaha.ask(body)) is not None

    assert answers == PREFIXES


@pytest.mark.omaha_point(30, breaks="every client: 1.10.0 would be taken for older than 1.9.0, and never be reached")
@pytest.mark.parametrize(
    ("channel", "updated", "left_alone"),
    [
        ("1.10.0", ["1.9.0", "1.9.99", "1.2", "1.10.0-rc.1", "1.9.0+new", "1.09"], ["1.10.0", "1.10", "1.10.0.0", "1.10.0+x"]),
        ("10.0.10", ["9.9.9", "10.0.9", "10.0.2-rc.10"], ["10.0.10", "10.0.100", "100"]),
        ("1.2.0.0", ["1.1.9.9", "0.9"], ["1.2", "1.2.0", "1.2.0.0", "1.2.0+build.7", "1.2.0.1"]),
        ("2.0.0-rc.2", ["2.0.0-rc.1", "2.0.0-beta.11", "1.9.9", "2.0.0-2"], ["2.0.0", "2.0.0-rc.2", "2.0.0-rc.10", "2.0.0-rc.2+x"]),
        ("3340.0.0+nightly-1", ["3339.9.9"], ["3340.0.0", "3340.0.0+nightly-2", "3340.0.1"]),
        ("120.0.6099.129", ["120.0.6099.5", "99.9.9999.999"], ["120.0.6099.129", "120.0.6099.200", "121"]),
    ],
    ids=["numbers", "each number", "missing parts", "prereleases", "build metadata", "four numbers"],
)  # fmt: skip
def test_versions_are_compared_as_numbers(omaha, fleet, app_id, channel, updated, left_alone):
    """Versions are compared number by number: missing ones are 0, a prerelease is below its release, build metadata doesn't count."""
    fleet.roll_out(channel)
    omaha.expect("Offer", xml_check(app_id, version="0.0.1", machineid="m"))

    for version in updated:
        assert omaha_port.offered(omaha.ask(xml_check(app_id, version=version, machineid=version))) == channel, version
    for version in left_alone:
        assert omaha_port.offered(omaha.ask(xml_check(app_id, version=version, machineid="m"))) is None, version


@pytest.mark.omaha_point(
    31, breaks="every client of a broken image: it would be sent an error forever, or the update that made it so"
)
@EVERY_DIALECT
@pytest.mark.parametrize(
    "version",
    ["garbage", "1.1.0.0.0", "-1", "4294967296", "1.0.0-", "v1.0.0", "1..0", "1e3", "9" * 4000, "1.0.0\u0661", "%s%n", ""],
    ids=lambda version: version[:12] or "none",
)  # fmt: skip
def test_a_version_that_is_none_gets_no_update_and_no_error(omaha, guide_app, protocol, version):
    """A version that can't be understood is answered with 200 and noupdate, and leaves no error in the log."""
    reply = omaha.ask(omaha_requests.check(protocol, guide_app, version=version, machineid="m"))

    assert omaha_port.offered(reply) is None
    assert not omaha.process.said("Traceback")


@pytest.mark.omaha_point(32, breaks="update_engine, ue-rs: half a manifest is a failed update to them")
@EVERY_DIALECT
def test_a_channel_whose_package_is_missing_offers_nothing(omaha, fleet, app_id, protocol):
    """While the package of the channel's version isn't there, there is no update, and never a manifest without it."""
    fleet.roll_out("1.1.0")
    body = omaha_requests.check(protocol, app_id, machineid="m")
    omaha.expect("Offer", body)

    fleet.delete("Package", "app-1.1.0")
    reply = omaha.expect(Reason.PACKAGE_UNAVAILABLE, body)
    assert omaha_port.offered(reply) is None
    assert b"manifest" not in reply.body

    # The same name and bytes, and still not what the rollout was stamped with.
    fleet.create(omaha_fleet.package("1.1.0"))
    fleet.create(omaha_fleet.group(name="app-after", track="after"))
    waiting.until(
        lambda: omaha.answer(omaha_requests.check(protocol, app_id, track="after"))[0] == Reason.ROLLOUT_PENDING
    )
    assert omaha.answer(body)[0] == Reason.PACKAGE_UNAVAILABLE
    assert len(store_rows.grants(omaha.process, app_id, "m")) == 1


@pytest.mark.omaha_point(32)
def test_people_are_told_that_the_package_is_missing():
    holder = kinds.channel("2.0.0")
    seen = group.View(
        group=kinds.group(),
        application=kinds.application(),
        channel=holder,
        fleet=Fleet(Contact.ANSWERING, known=True),
        channel_holder=holder,
        packages=(),
    )

    status = group.reconcile(seen, kinds.later(100), "salt").status

    assert kinds.summary(status.conditions)["PackageAvailable"] == "False PackageNotFound"
    assert status.target is None
