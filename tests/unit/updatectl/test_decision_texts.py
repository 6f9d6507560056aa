"""`updatectl why` as it is read: the answer first, every rule with its mark, and what would change the answer."""

from datetime import UTC, datetime, timedelta

import pytest

from update_core.resources.fleet.decision import InstanceDecision, InstanceDecisionStatus, RuleVerdict
from update_core.rollout.model import Reason
from updatectl.fleet import decisions, signs

NOW = datetime(2026, 11, 23, 14, 40, 12, tzinfo=UTC)
SOON = NOW + timedelta(seconds=42)
INSTANCE = {
    "metadata": {"name": "web-a-0123456789"},
    "spec": {"instanceId": "a", "appId": "com.example.web", "application": "web", "track": "berlin", "group": "g"},
    "status": {"version": "1.0.0", "state": "Idle", "lastSeenTime": "2026-11-23T14:40:00Z"},
}
RATE_MESSAGE = "2 updates in 60 seconds are used up."
GROUP = "com.example.web berlin"
RATE_REMEDY = (
    f"`updatectl group update {GROUP} --update-count N --update-interval S` changes the limit, a count of 0 removes it"
)
FLIGHT_MESSAGE = "5 of 5 instances are in flight."


def rule(name: Reason, verdict: str, *, until: datetime | None = None, message: str = "") -> RuleVerdict:
    return RuleVerdict(rule=name, verdict=verdict, until=until, message=message)


def decision(answer: str, rules: list[RuleVerdict], **status) -> dict:
    known = {"currentVersion": "1.0.0", "evaluatedTime": NOW, "group": "g"}
    found = InstanceDecisionStatus.model_validate({"answer": answer, "rules": rules, **known, **status})
    return InstanceDecision.model_construct(status=found).model_dump(mode="json", by_alias=True, exclude_none=True)


def refusal() -> dict:
    rules = [
        rule(Reason.UP_TO_DATE, "Passes"),
        rule(Reason.TOO_MANY_IN_FLIGHT, "Refuses", message=FLIGHT_MESSAGE),
        rule(Reason.RATE_LIMITED, "Refuses", until=SOON, message=RATE_MESSAGE),
        rule(Reason.STORE_UNAVAILABLE, "Skipped"),
    ]
    message = f"{FLIGHT_MESSAGE} Without that it would still be refused: RateLimited."
    return decision("Refusal", rules, reason="TooManyInFlight", message=message)


def text(found: dict, shown: signs.Signs = signs.UNICODE, *, width: int | None = None, track: str = "berlin") -> str:
    return "\n".join(decisions.lines(INSTANCE, found, track, shown, width=width))


def test_the_answer_comes_first_and_every_rule_has_its_mark():
    assert text(refusal()).splitlines() == [
        "a would be offered nothing now: TooManyInFlight.",
        "5 of 5 instances are in flight. Without that it would still be refused: RateLimited.",
        "",
        "Application  com.example.web",
        "Group        berlin (g)",
        "Runs         1.0.0, last seen 12 s ago",
        "Until        no time is known at which this ends by itself",
        "",
        "Rules, in the order in which they are asked:",
        "  ✓ UpToDate                 passes",
        "  ✗ TooManyInFlight          refuses",
        "  ✗ RateLimited              refuses until 2026-11-23 14:40:54 UTC (in 42 s)",
        "      2 updates in 60 seconds are used up.",
        "  – StoreUnavailable         skipped",
        "",
        "What would change the answer:",
        "  TooManyInFlight: `updatectl group update com.example.web berlin --max-in-flight N` changes the limit, 0 removes it",
        f"  RateLimited: it ends by itself in 42 s; or {RATE_REMEDY}",
    ]


@pytest.mark.parametrize(
    ("hop", "line"),
    [
        ({"nextVersion": "1.0.5", "targetVersion": "1.1.0"}, ["Next         1.0.5, a floor on the way to 1.1.0"]),
        ({"nextVersion": "1.1.0", "targetVersion": "1.1.0"}, []),
        ({"targetVersion": "1.1.0"}, []),
    ],
    ids=["a floor", "the target", "no path"],
)
def test_the_next_hop_is_told_where_it_is_a_floor(hop, line):
    lines = text(decision("Refusal", [], reason="Paused", message="It is paused.", **hop)).splitlines()

    assert [each for each in lines if each.startswith("Next")] == line


def test_without_unicode_the_marks_are_ascii():
    rules = [line[:3] for line in text(refusal(), signs.ASCII).splitlines() if line.startswith("  ")]

    assert rules[:3] == ["  +", "  x", "  x"]
    assert text(refusal(), signs.ASCII).isascii()


def test_on_a_terminal_no_sentence_is_wider_than_it():
    assert max(map(len, text(refusal(), width=80).splitlines())) <= 80
    assert "".join(text(refusal(), width=80).split()) == "".join(text(refusal()).split())


@pytest.mark.parametrize(
    ("status", "says"),
    [
        pytest.param({"offeredVersion": "1.1.0"}, "a would be offered 1.1.0 now.", id="new"),
        pytest.param(
            {"offeredVersion": "1.1.0", "repeated": True},
            "a would be offered 1.1.0 again: it holds that update already.",
            id="repeated",
        ),
        pytest.param(
            {"offeredVersion": "1.1.0", "currentVersion": "0.9.0"},
            "a would be offered 1.1.0 now if it ran 0.9.0.",
            id="supposed-version",
        ),
    ],
)
def test_an_offer_says_what_and_how(status, says):
    found = decision("Offer", [rule(Reason.UP_TO_DATE, "Passes")], **status)

    assert text(found).splitlines()[0] == says
    assert "What would change" not in text(found)
    assert "Until" not in text(found)
    assert not decisions.refused(found)


def test_a_refusal_that_ends_by_itself_says_when():
    found = decision("Refusal", [rule(Reason.RATE_LIMITED, "Refuses", until=SOON)], reason="RateLimited", until=SOON)

    assert "Until        2026-11-23 14:40:54 UTC (in 42 s)" in text(found).splitlines()
    assert decisions.refused(found)


def test_no_group_is_an_answer_of_its_own():
    found = decision("NoGroup", [], message="Nothing answers it.", group="")

    assert text(found).splitlines()[:2] == ["a would be answered by no group now.", "Nothing answers it."]
    assert "Rules" not in text(found)
    assert decisions.refused(found)


def test_what_an_instance_reported_can_not_repaint_the_terminal():
    found = decision(
        "Refusal", [], reason="VersionUnparsable", message="It reported \x1b[2J.", currentVersion="\x1b[2J"
    )

    assert "\x1b" not in text(found)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_something_that_would_change_it(reason):
    found = decision("Refusal", [rule(reason, "Refuses")], reason=reason)

    assert f"  {reason}: " in text(found)
    assert "see above" not in text(found)


def test_a_reason_of_a_later_service_is_told_as_it_says_itself():
    found = decision("Refusal", [rule("Frozen", "Refuses", message="A freeze.")], reason="Frozen", message="No.")

    assert "  ✗ Frozen                   refuses\n      A freeze." in text(found)
