"""By which versions an instance gets to the target: floors, where packages take it from, dead ends, and what is handed out to nobody."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.fleet_values import NOW, PAYLOAD, asking, grant, group
from update_core import versions
from update_core.rollout import decide, explain, trace
from update_core.rollout.model import Fleet, Hop, LostPackage, Offer, Reason, Refusal

TARGET = "2.0.0"
REASONS = {Reason.NO_PATH, Reason.DEAD_END, Reason.PACKAGE_UNAVAILABLE, Reason.WITHDRAWN, Reason.VERSION_BLOCKED}


def payload(version, *, min_from=None, **changes):
    return replace(PAYLOAD, name=f"{version}.gz", min_from=versions.parse(min_from) if min_from else None, **changes)


def floor(version, *, payloads=None, min_from=None, withdrawn="", **changes):
    there = (payload(version, min_from=min_from, withdrawn=withdrawn),) if payloads is None else payloads
    return Hop(versions.parse(version), there, **changes)


def towards(*floors, target=TARGET, min_from=None, withdrawn="", blocked=(), dead_ends=None, **changes):
    """A group on its way to the target by these floors."""
    values = {
        "version": target,
        "payloads": (payload(target, min_from=min_from, withdrawn=withdrawn),),
        "floors": floors,
        "blocked_versions": frozenset(map(versions.parse, blocked)),
        "dead_ends": {versions.parse(version): by_arch for version, by_arch in (dead_ends or {}).items()},
    }
    return group(**values | changes)


def answered(of_group, version, fleet=None, **changes):
    """The version that is offered, else the reason."""
    decision = decide.decide(of_group, asking("one", version, **changes), fleet or Fleet(), NOW)
    return decision.version if isinstance(decision, Offer) else decision.reason.value


TWO_FLOORS = towards(floor("1.2.0"), floor("1.5.0"))


@pytest.mark.parametrize(
    ("of_group", "version", "expected"),
    [
        pytest.param(towards(), "1.0.0", "2.0.0", id="no floors"),
        pytest.param(TWO_FLOORS, "1.0.0", "1.2.0", id="the lowest above it"),
        pytest.param(TWO_FLOORS, "1.2.0", "1.5.0", id="on a floor"),
        pytest.param(TWO_FLOORS, "1.2", "1.5.0", id="on a floor, in another notation"),
        pytest.param(TWO_FLOORS, "1.2.0-rc.1", "1.2.0", id="a prerelease is below its release"),
        pytest.param(TWO_FLOORS, "1.4.9", "1.5.0", id="between floors"),
        pytest.param(TWO_FLOORS, "1.5.0", "2.0.0", id="on the last floor"),
        pytest.param(TWO_FLOORS, "1.9.0", "2.0.0", id="above all floors"),
        pytest.param(TWO_FLOORS, "2.0.0", "UpToDate", id="on target"),
        pytest.param(towards(min_from="1.0.0"), "1.0.0", "2.0.0", id="from exactly so low"),
        pytest.param(towards(min_from="1.0.1"), "1.0.0", "NoPath", id="too low, and no floor"),
        pytest.param(towards(floor("1.5.0"), min_from="1.5.0"), "1.0.0", "1.5.0", id="a floor makes the way"),
        pytest.param(towards(floor("1.5.0"), min_from="1.5.0"), "1.5.0", "2.0.0", id="from the floor on"),
        pytest.param(
            towards(floor("1.5.0", min_from="1.2.0"), floor("1.8.0")), "1.0.0", "1.8.0", id="the lowest that takes it"
        ),
        pytest.param(
            towards(floor("1.5.0", min_from="1.2.0"), floor("1.8.0", min_from="1.2.0")),
            "1.0.0",
            "NoPath",
            id="no floor takes it, though the target would",
        ),
        pytest.param(
            towards(floor("1.5.0", min_from="1.2.0"), floor("1.8.0", payloads=())),
            "1.0.0",
            "PackageUnavailable",
            id="a floor without a package may be the one that takes it",
        ),
        pytest.param(towards(floor("1.5.0", payloads=())), "1.0.0", "PackageUnavailable", id="the floor is missing"),
        pytest.param(towards(floor("1.5.0", payloads=())), "1.5.0", "2.0.0", id="the missing floor is behind it"),
        pytest.param(towards(floor("1.5.0", withdrawn="bad")), "1.0.0", "Withdrawn", id="the floor is withdrawn"),
        pytest.param(towards(floor("1.5.0", withdrawn="bad")), "1.6.0", "2.0.0", id="the withdrawn floor is behind it"),
        pytest.param(towards(withdrawn="bad"), "1.0.0", "Withdrawn", id="the target is withdrawn"),
        pytest.param(towards(floor("1.5.0"), withdrawn="bad"), "1.0.0", "1.5.0", id="up to the floor at least"),
        pytest.param(towards(floor("1.5.0"), blocked=["1.5"]), "1.0.0", "VersionBlocked", id="the floor is blocked"),
        pytest.param(towards(floor("1.5.0"), blocked=[TARGET]), "1.0.0", "1.5.0", id="the target is blocked, not it"),
        pytest.param(towards(blocked=[TARGET]), "1.0.0", "VersionBlocked", id="the target is blocked"),
        pytest.param(towards(blocked=["1.0.0"]), "1.0.0", "2.0.0", id="what it runs is blocked"),
        pytest.param(towards(dead_ends={"1.0.0": {"": "no room"}}), "1.0.0", "DeadEnd", id="a dead end"),
        pytest.param(towards(dead_ends={"1.0.0": {"": "no room"}}), "1.0.1", "2.0.0", id="another is a dead end"),
        pytest.param(
            towards(min_from="1.5.0", dead_ends={"1.0.0": {"": "no room"}}), "1.0.0", "NoPath", id="no path comes first"
        ),
        pytest.param(towards(min_from="1.5.0", withdrawn="bad"), "1.0.0", "NoPath", id="no path before withdrawn"),
        pytest.param(towards(withdrawn="bad", blocked=[TARGET]), "1.0.0", "Withdrawn", id="withdrawn before blocked"),
        pytest.param(towards(floor("1.5.0"), version_prefix="2"), "1.0.0", "Excluded", id="the prefix is the hop's"),
        pytest.param(towards(floor("1.5.0"), version_prefix="2"), "1.5.0", "2.0.0", id="the target is within it"),
    ],
)
def test_an_instance_is_offered_the_next_hop(of_group, version, expected):
    assert answered(of_group, version) == expected


@pytest.mark.parametrize(
    ("arch", "expected"),
    [("amd64", "DeadEnd"), ("arm64", "2.0.0"), ("riscv64", "DeadEnd"), ("", "DeadEnd")],
)
def test_a_dead_end_is_the_package_that_the_instance_runs(arch, expected):
    of_group = towards(dead_ends={"1.0.0": {"amd64": "no room", "arm64": "", "": "no room"}})

    assert answered(of_group, "1.0.0", arch=arch) == expected


def test_an_architecture_has_its_own_floors_package():
    amd64, arm64 = (payload("1.5.0", arch=arch) for arch in ("amd64", "arm64"))
    of_group = towards(
        floor("1.5.0", payloads=(replace(amd64, withdrawn="bad"), arm64), lost=(LostPackage("i386", "p"),))
    )

    assert answered(of_group, "1.0.0", arch="amd64") == "Withdrawn"
    assert answered(of_group, "1.0.0", arch="arm64") == "1.5.0"
    assert answered(of_group, "1.0.0", arch="i386") == "PackageUnavailable"
    assert answered(of_group, "1.0.0", arch="riscv64") == "Excluded"


def test_downwards_no_floor_counts_and_no_lowest_version():
    of_group = towards(floor("1.2.0"), floor("1.5.0"), min_from="3.5.0", allow_downgrade=True)

    assert answered(of_group, "3.0.0", rollback_allowed=True) == "2.0.0"


def test_a_live_grant_is_offered_again_only_for_its_hop():
    held = grant(version="1.2.0")
    full = Fleet(live_grant=held, available=False)

    again = decide.decide(TWO_FLOORS, asking("one", "1.0.0"), full, NOW)
    assert (again.version, again.payload.name, again.grant) == ("1.2.0", "1.2.0.gz", held)
    assert answered(TWO_FLOORS, "1.2.0", full) == "StoreUnavailable"


# Clients that take several versions at once


def several(of_group, version, **changes):
    """The floors and the version that are offered together, else the reason."""
    decision = decide.decide(of_group, asking("one", version, several_versions=True, **changes), Fleet(), NOW)
    if isinstance(decision, Refusal):
        return decision.reason.value
    return [*(step.version for step in decision.floors), decision.version]


ELSEWHERE = payload("1.5.0", mirrors=("https://mirror.example.com/",))


@pytest.mark.parametrize(
    ("of_group", "version", "expected"),
    [
        pytest.param(TWO_FLOORS, "1.0.0", ["1.2.0", "1.5.0", "2.0.0"], id="all"),
        pytest.param(TWO_FLOORS, "1.2.0", ["1.5.0", "2.0.0"], id="those above it"),
        pytest.param(TWO_FLOORS, "1.5.0", ["2.0.0"], id="none above it"),
        pytest.param(towards(floor("1.5.0", payloads=(ELSEWHERE,))), "1.0.0", ["1.5.0"], id="in other places"),
        pytest.param(towards(floor("1.5.0", payloads=())), "1.0.0", "PackageUnavailable", id="missing"),
        pytest.param(towards(floor("1.2.0"), floor("1.5.0", withdrawn="bad")), "1.0.0", "Withdrawn", id="withdrawn"),
        pytest.param(towards(floor("1.5.0"), blocked=[TARGET]), "1.0.0", "VersionBlocked", id="blocked target"),
        pytest.param(
            towards(floor("1.2.0"), floor("1.5.0"), min_from="1.6.0"), "1.0.0", ["1.2.0"], id="no path from a floor"
        ),
        pytest.param(towards(floor("1.5.0"), blocked=["1.5"]), "1.0.0", "VersionBlocked", id="blocked floor"),
        pytest.param(
            towards(floor("1.5.0"), dead_ends={"1.5.0": {"": "no room"}}),
            "1.0.0",
            ["1.5.0"],
            id="a floor is a dead end",
        ),
        pytest.param(
            towards(floor("1.2.0", min_from="1.1.0"), floor("1.5.0")),
            "1.0.0",
            ["1.5.0", "2.0.0"],
            id="the way that it has",
        ),
    ],
)
def test_who_takes_several_versions_is_offered_the_whole_way_at_once(of_group, version, expected):
    assert several(of_group, version) == expected


def test_the_grant_of_a_whole_way_is_the_targets():
    held = grant(version=TARGET)
    decision = decide.decide(
        TWO_FLOORS, asking("one", "1.0.0", several_versions=True), Fleet(live_grant=held, available=False), NOW
    )

    assert (decision.version, decision.grant, len(decision.floors)) == (TARGET, held, 2)


def test_floors_are_told_with_their_reasons():
    of_group = towards(floor("1.5.0", reason="key rotation"))
    decision = decide.decide(of_group, asking("one", "1.0.0", several_versions=True), Fleet(), NOW)

    assert [(step.version, step.payload.name, step.reason) for step in decision.floors] == [
        ("1.5.0", "1.5.0.gz", "key rotation")
    ]


# What holds whatever the graph

MINORS = st.integers(0, 9).map(lambda minor: f"1.{minor}.0")
MINIMA = st.none() | MINORS
FLOORS = st.builds(
    floor,
    MINORS,
    min_from=MINIMA,
    withdrawn=st.sampled_from(["", "", "bad"]),
    payloads=st.sampled_from([None, None, ()]),
)


def sorted_floors(floors):
    return tuple(sorted({each.version: each for each in floors}.values(), key=lambda each: each.version))


WAYS = st.builds(
    lambda floors, **changes: towards(*sorted_floors(floors), **changes),
    st.lists(FLOORS, max_size=4),
    min_from=MINIMA,
    withdrawn=st.sampled_from(["", "", "bad"]),
    blocked=st.sets(MINORS | st.just(TARGET), max_size=2),
    dead_ends=st.dictionaries(MINORS, st.just({"": "no room"}), max_size=2),
)


@given(WAYS, MINORS)
def test_no_floor_that_takes_an_instance_is_gone_past(of_group, version):
    current = versions.parse(version)
    offered = answered(of_group, version)
    if offered in set(Reason):
        return
    hop = versions.parse(offered)
    between = [each for each in of_group.floors if current < each.version < hop]

    assert hop > current
    assert all(each.payloads and each.payloads[0].min_from > current for each in between)


@given(WAYS, MINORS)
def test_every_way_ends_within_as_many_hops_as_there_are_floors(of_group, version):
    walked = [version]
    while (offered := answered(of_group, walked[-1])) not in set(Reason):
        walked.append(offered)

    assert len(walked) <= len(of_group.floors) + 2
    assert offered != "UpToDate" or walked[-1] == TARGET
    assert REASONS.issuperset({offered} - {"UpToDate"})


@given(WAYS, MINORS)
def test_nobody_is_offered_what_is_withdrawn_blocked_or_missing(of_group, version):
    for taken in (False, True):
        decision = decide.decide(of_group, asking("one", version, several_versions=taken), Fleet(), NOW)
        if isinstance(decision, Refusal):
            continue
        for step in (*decision.floors, decision):
            assert step.payload.withdrawn == ""
            assert versions.parse(step.version) not in of_group.blocked_versions


@given(WAYS, MINORS)
def test_the_whole_way_at_once_is_what_would_be_offered_hop_after_hop(of_group, version):
    way = several(of_group, version)
    if not isinstance(way, list):
        return
    at = version
    for offered in way:
        assert answered(of_group, at) == offered
        at = offered


# In words


@pytest.mark.parametrize(
    ("of_group", "words"),
    [
        pytest.param(
            towards(min_from="1.5.0", channel="app-main"),
            [
                "runs 1.0.0",
                "2.0.0 takes instances from 1.5.0 on only",
                "spec.minFromVersion",
                '"app-main"',
                "spec.floors",
            ],
            id="no path",
        ),
        pytest.param(
            towards(dead_ends={"1.0.0": {"": "no room"}}),
            ["1.0.0", "dead end: no room.", "spec.deadEnd"],
            id="dead end",
        ),
        pytest.param(
            towards(floor("1.5.0", payloads=())), ["Floor 1.5.0", "has no Package", "version 1.5.0"], id="missing floor"
        ),
        pytest.param(
            towards(floor("1.5.0", payloads=(), stamped=False)),
            ["named floor 1.5.0 since rollout 1 to 2.0.0 was begun"],
            id="new floor",
        ),
        pytest.param(
            towards(floor("1.5.0", payloads=(), lost=(LostPackage("", "app-1.5.0"),))),
            ['"app-1.5.0"', "is gone", "Package of version 1.5.0"],
            id="lost floor",
        ),
        pytest.param(
            towards(floor("1.5.0", payloads=(), problem="its URL is odd")),
            ["1.5.0, a floor on the way to 2.0.0, can't be handed out: its URL is odd"],
            id="unsayable floor",
        ),
        pytest.param(
            towards(withdrawn="loses data", channel="app-main"),
            ["2.0.0 is withdrawn: loses data.", 'Move Channel "app-main"', "spec.withdrawn"],
            id="withdrawn",
        ),
        pytest.param(
            towards(floor("1.5.0", withdrawn="loses data!")),
            ["1.5.0, a floor on the way to 2.0.0, is withdrawn: loses data!", "Nobody goes past a floor"],
            id="withdrawn floor",
        ),
        pytest.param(towards(blocked=[TARGET]), ['Group "app-stable" blocks 2.0.0.', "blockedVersions"], id="blocked"),
        pytest.param(
            towards(floor("1.5.0"), version_prefix="2"),
            ["1.5.0, a floor on the way to 2.0.0, doesn't", "versionPolicy.prefix"],
            id="a floor outside the prefix",
        ),
    ],
)
def test_an_explanation_names_the_version_and_what_would_change_it(of_group, words):
    message = explain.answer(trace.trace(of_group, asking("one", "1.0.0"), Fleet(), NOW))

    assert [word for word in words if word not in message] == []


def test_an_offer_says_where_it_leads():
    single = trace.trace(TWO_FLOORS, asking("one", "1.0.0"), Fleet(), NOW)
    whole = trace.trace(TWO_FLOORS, asking("one", "1.0.0", several_versions=True), Fleet(), NOW)

    assert "would give it 1.2.0, a floor on the way to 2.0.0 (rollout 1)" in explain.answer(single)
    assert "would give it 2.0.0, after 1.2.0, 1.5.0 with the same answer" in explain.answer(whole)
