"""What a promotion would change and what speaks against it, before anything is written."""

import dataclasses
import json

import pytest

from support import kinds
from support.kinds import group
from update_core.resources.base import ObjectMeta
from update_core.resources.package import DeadEnd, Package, Withdrawn
from updatectl import dry_runs, promotion, promotion_texts, promotion_warnings
from updatectl.fleet.signs import ASCII
from updatectl.promotion import Offered, Wanted

STATUS = {
    "target": {"version": "1.0.0", "packages": [{"name": "p", "uid": "u", "sha256": "a" * 64}]},
    "instances": {"total": 140, "active": 120, "onTarget": 118, "inProgress": 1, "failed": 0},
}
FROZEN = [{"start": kinds.later(-60).isoformat(), "end": kinds.later(60).isoformat()}]
SCREEN = """\
Channel stable of io.example.app, from beta

Version   1.0.0 -> 1.2.0
Floors    - 0.9.0
          ~ 1.0.5 -> 1.0.5=keys
          + 1.1.0
          (so they differ from those of beta; they stay as they are without --with-floors)
Packages  amd64: p-1.2.0-amd64 (withdrawn); arm64: none
Groups    2 follow the channel, with 120 active instances

  Group   Name    Label  Target  Active  OnTarget  Held
  berlin  berlin  Cold   1.0.0   120     118       blocks 1.2.0
  paris   paris   -      -       -       -         paused, frozen until 2026-01-01 00:01:00 UTC

x Withdrawn: the Package of 1.2.0 for amd64 is withdrawn and given to nobody: loses keys
x PackageNotFound: 1.2.0 has no Package for arm64, 1.0.0 has one: instances of it get nothing
x VersionBlocked: 1.2.0 is blocked, so that nobody is moved to it: berlin
x Paused: paused, so that nothing is given out: paris
x Frozen: frozen, so that nothing is given out: paris (until 2026-01-01 00:01:00 UTC)
"""


def channel(name, version, *floors):
    """A Channel; a floor is VERSION or (VERSION, REASON)."""
    found = kinds.channel(version, name=name)
    wire = [{"version": f} if isinstance(f, str) else {"version": f[0], "reason": f[1]} for f in floors]
    spec = found.spec.to_wire() | {"name": name, "floors": wire}
    return found.parse({"metadata": found.metadata.to_wire(), "spec": spec})


def withdrawn(package: Package, reason: str = "loses keys") -> Package:
    return package.model_copy(update={"spec": package.spec.model_copy(update={"withdrawn": Withdrawn(reason=reason)})})


def promote(before="1.0.0", after="1.2.0", *, floors=(), groups=None, packages=None):
    """The promotion of a version that is given; without more words one group follows, and there is a package for all."""
    following = [group()] if groups is None else groups
    there = [kinds.package(after)] if packages is None else packages
    return promotion.of(kinds.APP_ID, channel("stable", before, *floors), Wanted(after), following, there, kinds.BIRTH)


def from_beta(*, with_floors=False, after="1.2.0", own=("0.9.0", "1.0.5"), theirs=(("1.0.5", "keys"), "1.1.0")):
    """The promotion of what channel beta has; both channels have floors."""
    wanted = Wanted(after, channel("beta", after, *theirs), with_floors)
    packages = [kinds.package(version) for version in ("0.9.0", "1.0.5", "1.1.0", after)]
    return promotion.of(kinds.APP_ID, channel("stable", "1.0.0", *own), wanted, [group()], packages, kinds.BIRTH)


def concerns(found):
    return [str(warned.reason) for warned in promotion_warnings.of(found)]


def test_a_promotion_that_nothing_speaks_against_has_no_warning():
    found = promote()

    assert (found.before, found.after, found.changes) == ("1.0.0", "1.2.0", True)
    assert found.offered == (Offered("", "p-1.2.0"),)
    assert concerns(found) == []


def test_to_the_version_that_it_has_a_channel_is_not_promoted():
    assert not promote("1.2.0").changes
    assert "is at 1.2.0 already" in promotion_texts.nothing(promote("1.2.0"))


def test_floors_are_told_apart_by_version_and_reason_lowest_first():
    differences = from_beta(own=("1.1.0", ("1.0.5", "keys"), "0.9.0")).floors

    assert [difference.version for difference in differences] == ["0.9.0"]
    assert [difference.version for difference in from_beta().floors] == ["0.9.0", "1.0.5", "1.1.0"]


def test_floors_are_a_change_only_where_they_are_copied():
    without, copying = from_beta(after="1.0.0"), from_beta(after="1.0.0", with_floors=True)

    assert (without.changes, copying.changes, copying.moves) == (False, True, False)
    assert "--with-floors copies them" in promotion_texts.nothing(without)
    assert not from_beta(after="1.0.0", theirs=("0.9.0", "1.0.5"), with_floors=True).changes


def test_the_way_is_looked_at_by_the_floors_that_will_be_there():
    assert [way.version for way in from_beta().ways] == ["0.9.0", "1.0.5"]
    assert [way.version for way in from_beta(with_floors=True).ways] == ["1.0.5", "1.1.0"]
    assert promote(floors=("1.2.0", "1.3.0")).ways == ()


@pytest.mark.parametrize(
    ("found", "reasons"),
    [
        (promote("1.10.0", "1.9.0"), ["Downgrade"]),
        (promote(packages=[]), ["PackageNotFound"]),
        (promote(packages=[kinds.package("1.2.0-rc1")]), ["PackageNotFound"]),
        (promote(packages=[withdrawn(kinds.package("1.2.0"))]), ["Withdrawn"]),
        (promote(floors=("1.1.0",)), ["PackageNotFound"]),
        (promote(floors=("1.1.0",), packages=[kinds.package("1.2.0"), withdrawn(kinds.package("1.1.0"))]), ["Withdrawn"]),
        (promote(groups=[]), ["NoGroups"]),
        (promote(groups=[group(channel="other", paused=True)]), ["NoGroups"]),
        (promote(groups=[group(paused=True)]), ["Paused"]),
        (promote(groups=[group(freezes=FROZEN)]), ["Frozen"]),
        (promote(groups=[group(rollout={"halt": {"version": "1.2", "reason": "hot"}})]), ["Halted"]),
        (promote(groups=[group(rollout={"halt": {"version": "1.0.0", "reason": "hot"}})]), []),
        (promote(groups=[group(versionPolicy={"blockedVersions": ["1.2"]})]), ["VersionBlocked"]),
        (promote(groups=[group(versionPolicy={"prefix": "1.1"})]), ["Excluded"]),
        (promote(groups=[group(versionPolicy={"prefix": "1.2", "blockedVersions": ["1.2.1"]})]), []),
    ],
    ids=[
        "lower", "no package", "another version's", "withdrawn", "floor without", "floor withdrawn", "no groups", "others' groups",
        "paused", "frozen", "halted in another notation", "another version halted",
        "blocked in another notation", "prefix", "neither blocked nor excluded",
    ],
)  # fmt: skip
def test_each_concern_is_warned_of(found, reasons):
    assert concerns(found) == reasons


def test_a_version_that_instances_never_leave_again_is_warned_of():
    package = kinds.package("1.2.0")
    dead = package.model_copy(update={"spec": package.spec.model_copy(update={"dead_end": DeadEnd(reason="no room")})})

    assert concerns(promote(packages=[dead])) == ["DeadEnd"]


def test_a_floor_that_a_group_blocks_is_named_as_one():
    blocking = group(versionPolicy={"blockedVersions": ["1.1.0"]})
    found = promote(floors=("1.1.0",), groups=[blocking], packages=[kinds.package("1.1.0"), kinds.package("1.2.0")])

    (warned,) = promotion_warnings.of(found)
    assert warned.message.startswith("the floor 1.1.0 is blocked")


def test_on_the_way_down_it_is_said_which_groups_let_instances_follow():
    allowing = group(track="berlin", versionPolicy={"allowDowngrade": True})

    (warned,) = promotion_warnings.of(promote("2.0.0", "1.2.0", groups=[allowing, group(name="b", track="paris")]))
    assert warned.message.endswith("; berlin may, where instances ask for it")


@pytest.mark.parametrize(
    ("before", "after", "offered"),
    [
        (["amd64", "arm64"], ["amd64"], [("amd64", True), ("arm64", False)]),
        (["amd64", "arm64"], [""], [("", True)]),
        ([""], ["amd64"], [("", False), ("amd64", True)]),
        (["amd64"], [], [("amd64", False)]),
        ([], [], [("", False)]),
        ([], ["arm64"], [("arm64", True)]),
    ],
    ids=["one is missing", "all have one", "the rest is missing", "none any more", "none ever", "the first"],
)
def test_an_architecture_that_had_a_package_and_has_none_is_seen(before, after, offered):
    packages = [
        kinds.package(version, arch=arch) for version, archs in (("1.0.0", before), ("1.2.0", after)) for arch in archs
    ]

    found = promote(packages=packages)
    assert [(one.arch, one.package is not None) for one in found.offered] == offered
    assert ("PackageNotFound" in concerns(found)) == (not all(there for _, there in offered))


def test_a_package_that_is_being_deleted_is_none():
    package = kinds.package("1.2.0")
    metadata = ObjectMeta(**{**package.metadata.model_dump(), "deletion_timestamp": kinds.BIRTH})

    assert concerns(promote(packages=[package.model_copy(update={"metadata": metadata})])) == ["PackageNotFound"]


def screened(*, with_floors=False):
    groups = [
        group(name="paris", track="paris", paused=True, freezes=FROZEN),
        group(
            name="berlin",
            track="berlin",
            displayName="Cold",
            status=STATUS,
            versionPolicy={"blockedVersions": ["1.2.0"]},
        ),
    ]
    packages = [
        kinds.package("1.0.0", arch="amd64"),
        kinds.package("1.0.0", arch="arm64"),
        withdrawn(kinds.package("1.2.0", arch="amd64")),
        kinds.package("0.9.0"),
        kinds.package("1.0.5"),
        kinds.package("1.1.0"),
    ]
    wanted = Wanted("1.2.0", channel("beta", "1.2.0", ("1.0.5", "keys"), "1.1.0"), with_floors)
    return promotion.of(
        kinds.APP_ID, channel("stable", "1.0.0", "0.9.0", "1.0.5"), wanted, groups, packages, kinds.BIRTH
    )


def test_people_see_the_change_then_whom_it_concerns_then_what_speaks_against_it():
    assert "\n".join(promotion_texts.lines(screened(), ASCII)) + "\n" == SCREEN
    assert "--with-floors" not in "".join(promotion_texts.lines(screened(with_floors=True), ASCII))


def test_programs_see_the_same_and_whether_it_was_done():
    document = json.loads(json.dumps(promotion_texts.document(screened(with_floors=True), applied=True)))

    assert (document["channel"], document["from"], document["version"]) == (
        "stable",
        "beta",
        {"before": "1.0.0", "after": "1.2.0"},
    )
    assert document["floors"]["copied"]
    assert document["floors"]["differences"][1:] == [
        {"version": "1.0.5", "before": {"version": "1.0.5"}, "after": {"version": "1.0.5", "reason": "keys"}},
        {"version": "1.1.0", "after": {"version": "1.1.0"}},
    ]
    assert document["packages"] == [
        {"arch": "amd64", "available": False, "name": "p-1.2.0-amd64", "withdrawn": "loses keys"},
        {"arch": "arm64", "available": False},
    ]
    assert document["groups"] == [
        {
            "name": "berlin",
            "track": "berlin",
            "paused": False,
            "halted": False,
            "displayName": "Cold",
            "target": "1.0.0",
            "active": 120,
            "onTarget": 118,
            "blockedVersions": ["1.2.0"],
        },
        {
            "name": "paris",
            "track": "paris",
            "paused": True,
            "halted": False,
            "frozenUntil": "2026-01-01T00:01:00+00:00",
        },
    ]
    assert [warned["reason"] for warned in document["warnings"]][-2:] == ["Paused", "Frozen"]
    assert (document["changes"], document["applied"]) == (True, True)


def test_of_very_many_groups_the_first_are_shown_unless_all_are_wanted():
    many = promote(groups=[group(name=f"g{n:03}", track=f"g{n:03}", paused=True) for n in range(100)])

    shown = list(promotion_texts.lines(many, ASCII))
    assert "  and 80 more, which -o wide shows" in shown
    assert shown[-1] == "x Paused: paused, so that nothing is given out: g000, g001, g002, g003, g004 and 95 more"
    assert sum(line.startswith("  g") for line in promotion_texts.lines(many, ASCII, all_groups=True)) == 100


def test_what_others_wrote_cannot_tear_the_screen_apart():
    (follower,) = promote().followers
    evil = dataclasses.replace(promote(), followers=(dataclasses.replace(follower, label="a\n\x1b[2Jb"),))

    assert all(line.isprintable() for line in promotion_texts.lines(evil, ASCII))


@pytest.mark.parametrize(
    ("args", "completed"),
    [
        (["a", "--dry-run"], ["a", "--dry-run=server"]),
        (["--dry-run", "a"], ["--dry-run=server", "a"]),
        (["--dry-run", "server"], ["--dry-run", "server"]),
        (["--dry-run", "none", "a"], ["--dry-run", "none", "a"]),
        (["--dry-run=server"], ["--dry-run=server"]),
        (["--", "--dry-run"], ["--", "--dry-run"]),
    ],
    ids=" ".join,
)
def test_a_dry_run_without_a_word_behind_it_is_the_servers(args, completed):
    assert dry_runs.complete(args) == completed
