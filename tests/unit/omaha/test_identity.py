"""Which application, which instance."""

import pytest

from update_core.omaha import identity
from update_core.omaha.identity import Identity
from update_core.omaha.messages import AppRequest, Event, Ping, Request, UpdateCheck

UUID = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"
DIGITS = "0123456789abcdef"
OWN = f"stable:{DIGITS}"
ELSE = "beta:fedcba9876543210"


@pytest.mark.parametrize(
    ("sent", "canonical"),
    [
        pytest.param(UUID, UUID, id="canonical"),
        pytest.param("{" + UUID + "}", UUID, id="braces"),
        pytest.param("{" + UUID.upper() + "}", UUID, id="braces and upper case"),
        pytest.param("io.Kinvolk.Demo_App-2", "io.kinvolk.demo_app-2", id="reverse DNS"),
        pytest.param("{io.kinvolk.demo}", "io.kinvolk.demo", id="reverse DNS in braces"),
        pytest.param("a" * 255, "a" * 255, id="longest"),
        pytest.param("{" + "a" * 255 + "}", "a" * 255, id="longest in braces"),
        pytest.param("a" * 256, None, id="too long"),
        pytest.param("", None, id="empty"),
        pytest.param("{}", None, id="braces alone"),
        pytest.param("{" + UUID, None, id="one brace"),
        pytest.param("{{" + UUID + "}}", None, id="two pairs of braces"),
        pytest.param("a b", None, id="space"),
        pytest.param(UUID + "\n", None, id="line feed"),
        pytest.param("a/b", None, id="slash"),
        pytest.param("\u212ainvolk", None, id="the Kelvin sign, a k in lower case"),
    ],
)
def test_an_app_id_has_one_canonical_form_or_none(sent: str, canonical: str | None) -> None:
    assert identity.canonical_app_id(sent) == canonical


def who(app: AppRequest, *, userid: str = "", track: str = "stable", of_session: str | None = None) -> Identity | None:
    """Whose request it is, where new cohorts have DIGITS."""
    request = Request("3.0", apps=(app,), userid=userid)
    return identity.identify(request, app, track=track, of_session=of_session, mint=lambda: DIGITS)


@pytest.mark.parametrize(
    ("machineid", "userid", "expected"),
    [
        pytest.param("machine", "user", "machine", id="machineid first"),
        pytest.param("", "user", "user", id="userid else"),
        pytest.param("{Fake-client-000} ", "", "{Fake-client-000} ", id="byte for byte"),
        pytest.param("\u00fc" * 64, "", "\u00fc" * 64, id="128 bytes"),
    ],
)
def test_an_instance_is_known_by_its_machine_then_by_its_user_whatever_cohort_it_sends(
    machineid: str, userid: str, expected: str
) -> None:
    app = AppRequest("a", machineid=machineid, cohort=ELSE, updatecheck=UpdateCheck())

    assert who(app, userid=userid, of_session=OWN) == Identity(expected)


@pytest.mark.parametrize(
    ("machineid", "userid"),
    [
        pytest.param("\u00fc" * 64 + "x", "", id="129 bytes in 65 characters"),
        pytest.param("x" * 129, "user", id="though there is a userid"),
        pytest.param("", "x" * 129, id="userid"),
    ],
)
def test_an_instance_whose_own_id_is_too_long_is_given_no_other(machineid: str, userid: str) -> None:
    app = AppRequest("a", machineid=machineid, cohort=ELSE, updatecheck=UpdateCheck())

    assert who(app, userid=userid, of_session=OWN) is None


@pytest.mark.parametrize(
    ("cohort", "of_session", "expected"),
    [
        pytest.param(ELSE, OWN, Identity(ELSE), id="the cohort that it was given"),
        pytest.param(f":{DIGITS}", None, Identity(f":{DIGITS}"), id="one without a track"),
        pytest.param("", ELSE, Identity(ELSE, ELSE), id="its session's"),
        pytest.param("1:1:", ELSE, Identity(ELSE, ELSE), id="its session's, for one of somebody else's making"),
        pytest.param("", None, Identity(OWN, OWN), id="a new one"),
        pytest.param("1:1:", None, Identity(OWN, OWN), id="a new one for one of somebody else's making"),
        pytest.param(OWN.upper(), None, Identity(OWN, OWN), id="a new one for digits that aren't as minted"),
        pytest.param("t" * 112 + f":{DIGITS}", None, Identity(OWN, OWN), id="a new one for 129 bytes"),
    ],
)
def test_an_instance_without_an_id_is_known_by_what_it_was_given(
    cohort: str, of_session: str | None, expected: Identity
) -> None:
    assert who(AppRequest("a", cohort=cohort, updatecheck=UpdateCheck()), of_session=of_session) == expected


@pytest.mark.parametrize("track", ["t" * 112, "st\u00e4ble"], ids=["too long", "not ASCII"])
def test_a_track_that_no_cohort_can_say_is_left_out(track: str) -> None:
    assert who(AppRequest("a", updatecheck=UpdateCheck()), track=track) == Identity(f":{DIGITS}", f":{DIGITS}")


@pytest.mark.parametrize(
    ("app", "told"),
    [
        (AppRequest("a", updatecheck=UpdateCheck()), True),
        (AppRequest("a", ping=Ping()), True),
        (AppRequest("a", events=(Event(3, 2),)), False),
        (AppRequest("a"), False),
    ],
    ids=["check", "ping", "events alone", "nothing"],
)
def test_an_id_is_made_up_for_who_checks_or_pings(app: AppRequest, told: bool) -> None:
    assert (who(app) == Identity(OWN, OWN)) is told
    assert who(app, of_session=ELSE) == Identity(ELSE, ELSE)
