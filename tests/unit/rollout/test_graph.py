"""The graph of a channel's versions: whoever walks what is drawn is offered exactly that, hop after hop."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.fleet_values import NOW, PAYLOAD, asking, group
from update_core import versions
from update_core.rollout import decide, graph
from update_core.rollout.model import Fleet, Hop, LostPackage, Offer, Reason

TARGET = "2.0.0"
ARCHITECTURES = ("", "amd64", "arm64")
MINORS = st.integers(0, 6).map(lambda minor: f"1.{minor}.0")
ABOVE = st.sampled_from([TARGET, "2.0", "2.1.0"])

PAYLOADS = st.lists(
    st.builds(
        lambda arch, min_from, withdrawn: replace(
            PAYLOAD, arch=arch, min_from=versions.parse(min_from) if min_from else None, withdrawn=withdrawn
        ),
        st.sampled_from(ARCHITECTURES),
        st.none() | MINORS,
        st.sampled_from(["", "", "", "bad"]),
    ),
    max_size=2,
    unique_by=lambda payload: payload.arch,
).map(tuple)
LOST = st.sampled_from([(), (), (LostPackage("arm64", "app-arm64"),)])
FLOORS = st.lists(
    st.builds(Hop, MINORS.map(versions.parse), PAYLOADS, LOST, st.sampled_from(["", "key rotation"]), st.booleans()),
    max_size=4,
    unique_by=lambda floor: floor.version,
).map(lambda floors: tuple(sorted(floors, key=lambda floor: floor.version)))
GROUPS = st.builds(
    group,
    version=st.just(TARGET),
    payloads=PAYLOADS,
    lost=LOST,
    floors=FLOORS,
    version_prefix=st.sampled_from(["", "", "1", "2"]),
    blocked_versions=st.frozensets((MINORS | st.just(TARGET)).map(versions.parse), max_size=1),
    dead_ends=st.dictionaries(
        MINORS.map(versions.parse), st.sampled_from([{"": "no room"}, {"amd64": "no room", "": ""}]), max_size=1
    ),
)


def decided(of_group, version, arch):
    """What `decide` says to an instance that nothing else holds back: (version, None) or (None, reason)."""
    answer = decide.decide(of_group, asking("one", version, arch=arch), Fleet(), NOW)
    return (answer.version, None) if isinstance(answer, Offer) else (None, answer.reason)


def drawn(node):
    return (node.to, None) if node.moves else (None, node.refusal)


@given(GROUPS, MINORS | ABOVE, st.sampled_from(ARCHITECTURES))
def test_walking_the_drawn_way_is_what_decide_offers_hop_after_hop(of_group, version, arch):
    walked = graph.path(of_group, version, arch)

    assert [drawn(node) for node in walked] == [decided(of_group, node.version, arch) for node in walked]
    assert [node.version for node in walked[1:]] == [node.to for node in walked[:-1]]
    assert not walked[-1].moves


@given(GROUPS, st.lists(MINORS | ABOVE, max_size=5), st.sampled_from(ARCHITECTURES))
def test_every_version_is_drawn_once_and_leads_where_decide_says(of_group, known, arch):
    whole = graph.of(of_group, known, arch)
    listed = [versions.parse(node.version) for node in whole.nodes]

    assert listed == sorted(set(listed))
    assert set(listed) == {*map(versions.parse, [*known, TARGET]), *(floor.version for floor in of_group.floors)}
    assert [drawn(node) for node in whole.nodes] == [decided(of_group, node.version, arch) for node in whole.nodes]


@given(GROUPS, st.lists(MINORS | ABOVE, max_size=5), st.sampled_from(ARCHITECTURES))
def test_every_version_hangs_on_the_target_or_on_one_that_is_held_up(of_group, known, arch):
    whole = graph.of(of_group, known, arch)
    roots = [next(node for node in whole.nodes if node.target), *whole.stuck]
    hanging = []
    while roots:
        hanging.append(roots.pop())
        roots += whole.into(hanging[-1].version)

    assert sorted(node.version for node in (*hanging, *whole.above)) == sorted(node.version for node in whole.nodes)


@given(GROUPS, MINORS, st.sampled_from(ARCHITECTURES))
def test_who_is_held_up_is_told_why(of_group, version, arch):
    last = graph.path(of_group, version, arch)[-1]

    assert bool(last.message) == (last.refusal is not Reason.UP_TO_DATE)
    assert "None" not in last.message


def test_what_a_version_is_stands_at_it():
    of_group = group(
        version=TARGET,
        payloads=(replace(PAYLOAD, withdrawn="loses data", min_from=versions.parse("1.5.0")),),
        floors=(Hop(versions.parse("1.5.0"), (PAYLOAD,), reason="key rotation"), Hop(versions.parse("1.8.0"))),
        dead_ends={versions.parse("1.0.0"): {"": "no room"}},
        blocked_versions=frozenset({versions.parse("1.5.0")}),
    )
    oldest, first, second, target = graph.of(of_group, ["1.0.0", "garbage"]).nodes

    assert (oldest.refusal, oldest.dead_end, oldest.message) == (Reason.DEAD_END, "no room", "no room")
    assert (first.floor, first.floor_reason, first.blocked, first.packaged) == (True, "key rotation", True, True)
    assert (first.to, first.refusal, first.message) == ("1.8.0", Reason.PACKAGE_UNAVAILABLE, "1.8.0 has no Package")
    assert (second.to, second.refusal, second.packaged) == (TARGET, Reason.WITHDRAWN, False)
    assert (target.target, target.withdrawn, target.min_from, target.to) == (True, "loses data", "1.5.0", None)


def test_a_group_without_a_stamp_has_no_graph():
    assert graph.of(group(stamp=None, payloads=()), ["1.0.0"]).nodes == ()


def test_a_way_begins_at_a_version():
    with pytest.raises(ValueError, match="garbage"):
        graph.path(group(), "garbage")
