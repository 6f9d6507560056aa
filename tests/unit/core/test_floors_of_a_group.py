"""What lies on a group's way: floors as they are stamped and as the channel names them now, dead ends, what may be handed out."""

import pytest

from support import kinds
from update_core import catalog, previews, targets, versions
from update_core.catalog import Members
from update_core.resources.channel import Channel, Floor
from update_core.resources.group import MAX_TARGET_PACKAGES, GroupStatus, Target
from update_core.resources.package import Package

TWO = kinds.package("2.0.0")
FIVE, EIGHT = kinds.package("1.5.0"), kinds.package("1.8.0")


def channel(*floors, version="2.0.0"):
    """A channel with these floors: (version, reason), or a version alone."""
    written = [floor if isinstance(floor, tuple) else (floor, None) for floor in floors]
    found = kinds.channel(version).model_dump(by_alias=True)
    spec = found["spec"] | {"floors": [{"version": text, "reason": reason} for text, reason in written]}
    return Channel.model_validate(found | {"spec": spec})


def told(package, **spec):
    """The package with more in its spec."""
    found = package.model_dump(by_alias=True)
    return Package.model_validate(found | {"spec": found["spec"] | spec})


def steps(*packages):
    return [targets.Step(Floor(version=package.spec.version), (package,)) for package in packages]


def stamped(*floors, target=TWO):
    """The status of a rollout to the target by way of these packages."""
    rollout = {"sequence": 1, "version": target.spec.version, "salt": "s", "startedTime": kinds.BIRTH.isoformat()}
    found = targets.target((target,), steps(*floors)).to_wire()
    return GroupStatus.model_validate({"target": found, "rollout": rollout})


def resolved(its_channel, *packages, status=None, **spec):
    followed = kinds.group(status=status or stamped(), **spec)
    members = Members((its_channel,), (followed,), packages)
    return catalog.resolve_application(kinds.application(), members, package_base_url="http://x/").tracks["prod"]


def shown(of_group):
    """(version, whether there is a package, reason, whether it is stamped) of each floor."""
    return [(hop.version.text, bool(hop.payloads), hop.reason, hop.stamped) for hop in of_group.floors]


@pytest.mark.parametrize(
    ("its_channel", "packages", "status", "expected"),
    [
        pytest.param(channel(), [TWO], stamped(), [], id="none"),
        pytest.param(
            channel("1.8.0", ("1.5.0", "keys")),
            [TWO, FIVE, EIGHT],
            stamped(EIGHT, FIVE),
            [("1.5.0", True, "keys", True), ("1.8.0", True, "", True)],
            id="lowest first",
        ),
        pytest.param(
            channel("1.5.0"), [TWO, FIVE], stamped(), [("1.5.0", False, "", False)], id="named since it was begun"
        ),
        pytest.param(
            channel(), [TWO, FIVE], stamped(FIVE), [("1.5.0", True, "", True)], id="taken out since it was begun"
        ),
        pytest.param(channel("1.5.0"), [TWO], stamped(FIVE), [("1.5.0", False, "", True)], id="its package is gone"),
        pytest.param(
            channel("1.5.0"),
            [TWO, kinds.package("1.5.0", uid="again")],
            stamped(FIVE),
            [("1.5.0", False, "", True)],
            id="its package was made again",
        ),
        pytest.param(channel("2.0.0", "2.0", "2.1.0"), [TWO], stamped(), [], id="not below the target"),
        pytest.param(channel("1.5", "1.5.0"), [TWO], stamped(), [("1.5", False, "", False)], id="one version twice"),
    ],
)
def test_floors_are_those_that_were_stamped_and_those_that_are_named(its_channel, packages, status, expected):
    assert shown(resolved(its_channel, *packages, status=status)) == expected


def test_a_target_keeps_its_own_packages():
    of_group = resolved(channel("1.5.0"), TWO, FIVE, status=stamped(FIVE))

    assert (len(of_group.payloads), of_group.lost, of_group.package) == (1, (), "p-2.0.0")
    assert of_group.target.version.text == "2.0.0"


def test_what_packages_say_of_themselves_is_read_from_them_as_they_are_now():
    withdrawn = told(TWO, withdrawn={"reason": "loses data"}, minFromVersion="1.5.0")
    (payload,) = resolved(channel(), withdrawn).payloads

    assert (payload.withdrawn, payload.min_from) == ("loses data", versions.parse("1.5.0"))


def test_a_dead_end_is_found_by_version_and_architecture():
    ends = [
        told(kinds.package("1.0.0", arch="amd64"), deadEnd={"reason": "no room"}),
        kinds.package("1.0.0", arch="arm64"),
        told(kinds.package("1.1.0", arch="amd64"), deadEnd={"reason": "no keys"}),
        kinds.package("1.2.0"),
        told(kinds.package("1.3.0", name="a", arch="amd64"), deadEnd={"reason": "no disk"}),
        told(kinds.package("1.3.0"), deadEnd={"reason": "no power"}),
    ]
    found = resolved(channel(), TWO, *ends).dead_ends

    assert {version.text: dict(by_arch) for version, by_arch in found.items()} == {
        "1.0.0": {"amd64": "no room", "arm64": ""},
        "1.1.0": {"amd64": "no keys", "": "no keys"},
        "1.3.0": {"amd64": "no disk", "": "no power"},
    }


def test_blocked_versions_are_compared_as_versions():
    policy = {"blockedVersions": ["1.4", "1.5.0"]}

    assert versions.parse("1.4.0.0") in resolved(channel(), TWO, versionPolicy=policy).blocked_versions


# What is stamped


def test_a_target_is_stamped_with_its_floors_behind_it():
    target = targets.target((TWO,), steps(FIVE, EIGHT))

    assert [(stamp.version, stamp.name) for stamp in target.packages] == [
        (None, "p-2.0.0"),
        ("1.5.0", "p-1.5.0"),
        ("1.8.0", "p-1.8.0"),
    ]
    assert target.floor_versions == ["1.5.0", "1.8.0"]


def test_floors_for_which_a_status_has_no_room_are_stamped_without_packages():
    archs = ["amd64", "arm64", "riscv64", "s390x"]
    many = [
        targets.Step(floor, tuple(kinds.package(floor.version, arch=arch) for arch in archs))
        for floor in targets.floors(channel(*(f"1.{minor}.0" for minor in range(16))).spec)
    ]
    target = targets.target((TWO,), many)

    assert len(target.packages) <= MAX_TARGET_PACKAGES
    assert len(target.floor_versions) == 16
    assert targets.left_out(target, many) == ["1.11.0", "1.12.0", "1.13.0", "1.14.0", "1.15.0"]


def test_the_fullest_target_leaves_room_in_a_status_of_16_kibibytes():
    name = "com-example-os-1-15-0-riscv64-0123456789"
    stamp = {"name": name, "uid": "0" * 36, "sha256": "a" * 64, "arch": "riscv64", "version": "1.15.0"}
    wire = {"version": "2.0.0", "packages": [stamp] * MAX_TARGET_PACKAGES, "floorVersions": ["1.15.0"] * 16}

    assert len(Target.model_validate(wire).model_dump_json(by_alias=True)) < 12 * 1024


def test_floors_that_are_not_below_the_version_are_idle():
    spec = channel("3.0.0", "1.5.0", "2.0.0", "1.5").spec

    assert [floor.version for floor in targets.floors(spec)] == ["1.5.0"]
    assert [floor.version for floor in targets.idle_floors(spec)] == ["3.0.0", "2.0.0", "1.5"]


# What would be stamped now


def test_a_preview_is_what_the_catalog_resolves_once_it_is_stamped():
    its_channel = channel(("1.5.0", "keys"), "1.8.0")
    packages = [TWO, told(FIVE, minFromVersion="1.2.0"), EIGHT]
    spec = {"versionPolicy": {"blockedVersions": ["1.8.0"], "prefix": "1"}}
    begun = resolved(its_channel, *packages, status=stamped(FIVE, EIGHT), **spec)
    preview = previews.begun(kinds.application(), its_channel, packages, kinds.group(**spec))

    assert shown(preview) == shown(begun)
    assert (preview.blocked_versions, preview.version_prefix) == (begun.blocked_versions, begun.version_prefix)
    assert [payload.min_from for hop in preview.floors for payload in hop.payloads] == [versions.parse("1.2.0"), None]
    assert preview.target.version == begun.target.version


def test_a_preview_needs_no_group_and_no_package():
    preview = previews.begun(kinds.application(), channel("1.5.0"), [], None)

    assert (preview.payloads, shown(preview)) == ((), [("1.5.0", False, "", True)])
