"""What resources resolve to: which group answers for a track, and when a stamp and its package may be offered."""

import copy
from typing import Any

import pytest

from update_core import catalog
from update_core.catalog import Members
from update_core.resources.application import Application
from update_core.resources.channel import Channel
from update_core.resources.group import Group
from update_core.resources.package import Package
from update_core.rollout.model import Limits, LostPackage

BASE = "http://service.example.com/packages/"
SHA256 = "b6" * 32
Changes = dict[str, Any]


def made(
    name: str, spec: Changes, *, age: int = 0, namespace: str = "default", status: Changes | None = None
) -> Changes:
    """An object; with a higher age it is older."""
    metadata = {
        "name": name,
        "namespace": namespace,
        "uid": f"uid-{name}",
        "creationTimestamp": f"2026-03-01T12:00:{59 - age:02}Z",
    }
    return {"metadata": metadata, "spec": spec} | ({"status": status} if status else {})


def application(*, name: str = "app", ready: tuple[str, str] | None = None, age: int = 0, **spec: Any) -> Application:
    conditions = []
    if ready is not None:
        status, reason = ready
        conditions = [
            {"type": "Ready", "status": status, "reason": reason, "lastTransitionTime": "2026-03-01T12:00:00Z"}
        ]
    return Application.parse(
        made(
            name,
            {"appId": "com.example.app"} | spec,
            age=age,
            namespace=f"of-{name}",
            status={"conditions": conditions},
        )
    )


def channel(name: str, version: str = "1.1.0", *, object_name: str | None = None, age: int = 0) -> Channel:
    spec = {"applicationRef": {"name": "app"}, "name": name, "version": version}
    return Channel.parse(made(object_name or name, spec, age=age))


def package(version: str = "1.1.0", *, name: str | None = None, age: int = 0, **spec: Any) -> Package:
    body = {"applicationRef": {"name": "app"}, "version": version, "url": "update.gz", "size": 23, "sha256": SHA256}
    return Package.parse(made(name or f"app-{version}", body | spec, age=age))


def stamped(version: str = "1.1.0", /, *, of: dict[str, str] | None = None, **rollout: Any) -> Changes:
    """The stamps of a version; `of` names its packages, by architecture."""
    packages = [
        {"name": name, "uid": f"uid-{name}", "sha256": SHA256} | ({"arch": arch} if arch else {})
        for arch, name in (of or {"": f"app-{version}"}).items()
    ]
    return {
        "target": {"version": version, "packages": packages},
        "rollout": {"sequence": 1, "version": version, "salt": "salt", "startedTime": "2026-03-01T12:00:00Z"} | rollout,
    }


def group(name: str, *, on: str = "stable", age: int = 0, status: Changes | None = None, **spec: Any) -> Group:
    body = {"applicationRef": {"name": "app"}, "channelRef": {"name": on}, "track": name}
    return Group.parse(made(name, body | spec, age=age, status=status or stamped()))


def resolve(*members: Any, of: Application | None = None) -> catalog.ResolvedApplication:
    """The application with these members."""
    return catalog.resolve_application(
        of or application(),
        Members(
            channels=[member for member in members if isinstance(member, Channel)],
            groups=[member for member in members if isinstance(member, Group)],
            packages=[member for member in members if isinstance(member, Package)],
        ),
        package_base_url=BASE,
    )


def named(resolved: catalog.ResolvedApplication, track: str) -> str | None:
    """Name of the group that answers for a track."""
    answering = resolved.group_for(track)
    return answering.name if answering else None


DEFAULT_IS_C = {"defaultGroupRef": {"name": "c"}}
FLEET = [
    channel("stable"),
    channel("beta"),
    group("a", age=1),
    group("b", age=2),
    group("c", age=0),
    group("d", on="beta", age=3),
]


@pytest.mark.parametrize(
    ("track", "default", "answers"),
    [
        pytest.param("a", DEFAULT_IS_C, "a", id="its own track"),
        pytest.param("stable", DEFAULT_IS_C, "c", id="a channel: the default group that follows it"),
        pytest.param("stable", {}, "b", id="a channel: the oldest group that follows it"),
        pytest.param("beta", DEFAULT_IS_C, "d", id="a channel that the default group doesn't follow"),
        pytest.param("nothing", DEFAULT_IS_C, "c", id="nothing known: the default group"),
        pytest.param("", DEFAULT_IS_C, "c", id="empty: the default group"),
        pytest.param("nothing", {}, None, id="nothing known, without default"),
        pytest.param("nothing", {"defaultGroupRef": {"name": "gone"}}, None, id="default group that isn't there"),
    ],
)
def test_track_is_resolved(track, default, answers):
    assert named(resolve(*FLEET, of=application(**default)), track) == answers


def test_order_of_the_resources_makes_no_difference():
    assert resolve(*reversed(FLEET)) == resolve(*FLEET)


def test_track_wins_over_a_channel_of_the_same_name():
    assert named(resolve(channel("stable"), group("old", age=5), group("stable")), "stable") == "stable"


def test_oldest_group_keeps_a_track():
    younger, older = group("younger", track="same"), group("older", age=1, track="same")

    assert named(resolve(channel("stable"), younger, older), "same") == "older"


def test_younger_channel_of_the_same_name_offers_nothing():
    first, second = channel("stable", age=1), channel("stable", object_name="second")

    resolved = resolve(first, second, package(), group("a"), group("b", on="second"))

    assert resolved.tracks["a"].stamp is not None
    assert (resolved.tracks["b"].wanted, resolved.tracks["b"].stamp) == (None, None)


def test_channel_that_is_not_the_applications_offers_nothing():
    resolved = resolve(package(), group("a", on="of-another-application"))

    assert (resolved.tracks["a"].wanted, resolved.tracks["a"].stamp) == (None, None)


def test_group_carries_what_its_spec_allows():
    resolved = resolve(
        channel("stable"),
        group(
            "a",
            paused=True,
            rateLimit={"maxUpdates": 2, "periodSeconds": 60},
            maxInFlight=3,
            updateTimeoutSeconds=10,
            rebootTimeoutSeconds=20,
            activeSeconds=30,
        ),
    ).tracks["a"]

    assert resolved.limits == Limits(2, 60, 3)
    assert (resolved.paused, resolved.active_seconds) == (True, 30)
    assert (resolved.timeouts.update_seconds, resolved.timeouts.reboot_seconds) == (10, 20)


def test_stamp_and_package_that_agree_may_be_offered():
    resolved = resolve(channel("stable"), package(), group("a")).tracks["a"]

    assert (resolved.stamp.sequence, resolved.stamp.version, resolved.stamp.salt) == (1, "1.1.0", "salt")
    assert (resolved.payloads[0].codebase, resolved.payloads[0].name) == (BASE, "update.gz")


@pytest.mark.parametrize(
    ("moved_to", "status"),
    [
        pytest.param("1.2.0", stamped("1.1.0"), id="channel moved on"),
        pytest.param("1.0.0", stamped("1.1.0"), id="channel moved back"),
        pytest.param("1.1.0", stamped("1.1.0", version="1.0.0"), id="rollout of another version than the target"),
        pytest.param("1.1.0", {"observedGeneration": 1}, id="nothing stamped"),
        pytest.param("1.1.0", {"target": stamped()["target"]}, id="no rollout"),
        pytest.param("1.1.0", {"rollout": stamped()["rollout"]}, id="no target"),
    ],
)
def test_stamp_that_does_not_say_what_the_channel_says_stands_for_nothing(moved_to, status):
    resolved = resolve(
        channel("stable", moved_to), package(), package("1.2.0"), package("1.0.0"), group("a", status=status)
    )

    assert (resolved.tracks["a"].stamp, resolved.tracks["a"].payloads) == (None, ())


def test_rollback_stands_against_the_channel():
    back = stamped("1.0.0", kind="Rollback")

    resolved = resolve(channel("stable", "1.1.0"), package("1.0.0"), group("a", status=back)).tracks["a"]

    assert (resolved.stamp.version, resolved.stamp.kind) == ("1.0.0", "Rollback")
    assert resolved.payloads


def changed(original: Package, **metadata: Any) -> Package:
    wire = copy.deepcopy(original.to_wire())
    wire["metadata"] |= metadata
    return Package.parse(wire)


@pytest.mark.parametrize(
    "packages",
    [
        pytest.param([], id="deleted"),
        pytest.param([changed(package(), uid="another")], id="made again"),
        pytest.param([package(sha256="00" * 32)], id="other bytes"),
        pytest.param([package(name="twin")], id="another of the same version"),
        pytest.param([changed(package(), deletionTimestamp="2026-03-01T12:00:00Z")], id="being deleted"),
        pytest.param([package(), package(name="older", age=9)], id="an older one has the version"),
    ],
)
def test_stamped_package_that_is_not_exactly_there_is_unavailable(packages):
    resolved = resolve(channel("stable"), *packages, group("a")).tracks["a"]

    assert resolved.stamp is not None
    assert resolved.payloads == ()


BOTH = {"amd64": "app-amd64", "arm64": "app-arm64"}
AMD64, ARM64 = (package(arch=arch, name=name) for arch, name in BOTH.items())
LOST_ARM64 = LostPackage("arm64", "app-arm64")


@pytest.mark.parametrize(
    ("packages", "archs", "lost"),
    [
        pytest.param([AMD64, ARM64], ["amd64", "arm64"], (), id="both"),
        pytest.param([ARM64, AMD64], ["amd64", "arm64"], (), id="in the stamp's order"),
        pytest.param([AMD64], ["amd64"], (LOST_ARM64,), id="one deleted"),
        pytest.param([AMD64, changed(ARM64, uid="another")], ["amd64"], (LOST_ARM64,), id="one made again"),
        pytest.param([AMD64, ARM64, package(name="all")], ["amd64", "arm64"], (), id="one that isn't stamped"),
        pytest.param(
            [AMD64, ARM64, package(name="older", arch="arm64", age=9)], ["amd64"], (LOST_ARM64,), id="an older"
        ),
        pytest.param([AMD64, ARM64, package(name="older", age=9)], ["amd64", "arm64"], (), id="an older one for all"),
    ],
)
def test_each_architecture_has_the_package_that_was_stamped_for_it(packages, archs, lost):
    resolved = resolve(channel("stable"), *packages, group("a", status=stamped(of=BOTH))).tracks["a"]

    assert [payload.arch for payload in resolved.payloads] == archs
    assert resolved.lost == lost


def test_nothing_is_lost_that_is_not_to_be_offered():
    resolved = resolve(channel("stable", "1.2.0"), group("a", status=stamped(of=BOTH))).tracks["a"]

    assert (resolved.payloads, resolved.lost) == ((), ())


def test_group_carries_whom_its_spec_leaves_out_and_lets_past():
    plain = resolve(channel("stable"), group("a")).tracks["a"]
    told = resolve(
        channel("stable"),
        group(
            "a",
            versionPolicy={"allowDowngrade": True, "prefix": "1.2."},
            exclude={"oems": ["ami", "azure"]},
            onDemand="BypassLimits",
        ),
    ).tracks["a"]

    assert (plain.allow_downgrade, plain.version_prefix, plain.excluded_oems) == (False, "", frozenset())
    assert not plain.on_demand_bypasses
    assert (told.allow_downgrade, told.version_prefix, told.excluded_oems) == (
        True,
        "1.2.",
        frozenset({"ami", "azure"}),
    )
    assert told.on_demand_bypasses


@pytest.mark.parametrize(
    ("of_application", "of_group", "expected"),
    [
        pytest.param({}, {}, (None, None), id="neither says"),
        pytest.param({"pollIntervalSeconds": 600, "retryAfterSeconds": 60}, {}, (600, 60), id="the application's"),
        pytest.param({"pollIntervalSeconds": 600}, {"pollIntervalSeconds": 900}, (900, None), id="the group's own"),
        pytest.param({"retryAfterSeconds": 60}, {"pollIntervalSeconds": 900}, (900, 60), id="one of each"),
    ],
)
def test_a_groups_own_interval_goes_before_its_applications(of_application, of_group, expected):
    resolved = resolve(channel("stable"), group("a", **of_group), of=application(**of_application)).tracks["a"]

    assert (resolved.poll_interval_seconds, resolved.retry_after_seconds) == expected


def test_applications_own_base_url_wins():
    with_base = application(packageBaseURL="https://cdn.example.com/app/")

    assert resolve(channel("stable"), package(), group("a"), of=with_base).tracks["a"].payloads[0].codebase == (
        "https://cdn.example.com/app/"
    )


READY, CONFLICT = ("True", "Reconciled"), ("False", "AppIdConflict")


@pytest.mark.parametrize(
    ("contenders", "name"),
    [
        pytest.param([("old", CONFLICT, 9), ("young", READY, 0)], "young", id="who has the claim"),
        pytest.param([("old", None, 9), ("young", READY, 0)], "young", id="who is ready before who isn't known"),
        pytest.param([("old", None, 9), ("young", None, 0)], "old", id="the oldest before any is awarded"),
        pytest.param([("old", ("False", "ReferenceNotFound"), 9)], "old", id="another fault keeps the claim"),
        pytest.param([("old", CONFLICT, 9)], None, id="none that was refused"),
        pytest.param([], None, id="nobody"),
    ],
)
def test_one_application_answers_for_an_app_id(contenders, name):
    found = catalog.owner([application(name=each, ready=ready, age=age) for each, ready, age in contenders])

    assert (found.metadata.name if found else None) == name


def test_catalog_finds_groups_by_application_and_exact_track():
    resolved = resolve(*FLEET)
    whole = catalog.Catalog({"com.example.app": resolved})

    assert whole.group("com.example.app", "a") is resolved.tracks["a"]
    assert whole.group("com.example.app", "stable") is None
    assert whole.group("com.example.other", "a") is None
    assert [each.name for each in whole.groups()] == list(resolved.tracks)
