"""Whom a version is for: OEMs, architectures, the client's and the group's prefixes; who may move down; who may skip the rate limit."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.fleet_values import NEW, NOW, OLD, PAYLOAD, asking, grant, group
from update_core import architectures, versions
from update_core.resources.fleet.decision import MAX_MESSAGE
from update_core.rollout import decide, explain, trace
from update_core.rollout.model import Fleet, Limits, LostPackage, Offer, Refusal

SOON = NOW + timedelta(seconds=10)
FOR_ALL, AMD64, ARM64 = (replace(PAYLOAD, arch=arch, name=f"{arch or 'all'}.gz") for arch in ("", "amd64", "arm64"))
LOST_FOR_ALL, LOST_ARM64 = LostPackage("", "app-all"), LostPackage("arm64", "app-arm64")


def answered(of_group, instance=None, fleet=None):
    """The payload's name where it is an offer, else the reason."""
    decision = decide.decide(of_group, instance or asking("one"), fleet or Fleet(), NOW)
    return decision.payload.name if isinstance(decision, Offer) else decision.reason


def explained(of_group, instance, fleet=None):
    """Why it is refused, for people."""
    return explain.answer(trace.trace(of_group, instance, fleet or Fleet(), NOW))


@pytest.mark.parametrize(
    ("payloads", "lost", "arch", "expected"),
    [
        pytest.param([AMD64, ARM64], [], "arm64", "arm64.gz", id="its own"),
        pytest.param([FOR_ALL, ARM64], [], "arm64", "arm64.gz", id="its own before the one for all"),
        pytest.param([FOR_ALL, ARM64], [], "amd64", "all.gz", id="the one for all without its own"),
        pytest.param([FOR_ALL, ARM64], [], "", "all.gz", id="the one for all where it doesn't say"),
        pytest.param([AMD64, ARM64], [], "i386", "Excluded", id="none for its architecture"),
        pytest.param([AMD64], [], "", "Excluded", id="one architecture, and it doesn't say which it has"),
        pytest.param([], [], "amd64", "PackageUnavailable", id="none at all"),
        pytest.param([AMD64], [LOST_ARM64], "arm64", "PackageUnavailable", id="its own is gone"),
        pytest.param(
            [FOR_ALL], [LOST_ARM64], "arm64", "PackageUnavailable", id="its own is gone, other bytes are not it"
        ),
        pytest.param([FOR_ALL], [LOST_ARM64], "amd64", "all.gz", id="another's is gone"),
        pytest.param([ARM64], [LOST_FOR_ALL], "amd64", "PackageUnavailable", id="the one for all is gone"),
        pytest.param([ARM64], [LOST_FOR_ALL], "arm64", "arm64.gz", id="the one for all is gone, not its own"),
        pytest.param([AMD64], [LOST_ARM64], "i386", "Excluded", id="never had one, another's is gone"),
    ],
)
def test_an_instance_gets_the_package_of_its_architecture(payloads, lost, arch, expected):
    of_group = group(payloads=tuple(payloads), lost=tuple(lost))

    assert answered(of_group, asking("one", arch=arch)) == expected


PAYLOADS = st.lists(st.sampled_from([FOR_ALL, AMD64, ARM64]), unique=True, max_size=3).map(tuple)
ARCHITECTURES = st.sampled_from(["", *architectures.NAMES])


@given(PAYLOADS, st.sampled_from([(), (LOST_ARM64,), (LOST_FOR_ALL,)]), ARCHITECTURES)
def test_nobody_is_offered_what_another_architecture_runs(payloads, lost, arch):
    payloads = tuple(payload for payload in payloads if payload.arch not in {each.arch for each in lost})
    decision = decide.decide(group(payloads=payloads, lost=lost), asking("one", arch=arch), Fleet(), NOW)

    assert isinstance(decision, Refusal) or decision.payload.arch in {"", arch}


def test_an_update_that_is_offered_again_is_of_the_same_architecture():
    of_group = group(payloads=(AMD64, ARM64))

    assert answered(of_group, asking("one", arch="arm64"), Fleet(live_grant=grant())) == "arm64.gz"


@pytest.mark.parametrize(
    ("oem", "expected"),
    [
        pytest.param("ami", "Excluded", id="excluded"),
        pytest.param("gce", "update.gz", id="another"),
        pytest.param("AMI", "update.gz", id="other capitals are another"),
        pytest.param("", "update.gz", id="none reported"),
    ],
)
def test_an_excluded_oem_gets_nothing(oem, expected):
    assert answered(group(excluded_oems=frozenset({"ami", "azure"})), asking("one", oem=oem)) == expected


@pytest.mark.parametrize("by", ["client", "group"])
@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        pytest.param("", "update.gz", id="none"),
        pytest.param("1", "update.gz", id="major"),
        pytest.param("1.1.", "update.gz", id="major and minor, closed by a dot"),
        pytest.param("1.1.0$", "update.gz", id="exactly"),
        pytest.param("1.10", "Excluded", id="not as a text"),
        pytest.param("1.1$", "update.gz", id="exactly, in another notation"),
        pytest.param("1.0.0$", "Excluded", id="exactly another"),
        pytest.param("2", "Excluded", id="another major"),
        pytest.param("latest", "Excluded", id="no version"),
    ],
)
def test_a_version_outside_the_prefix_is_not_offered(by, prefix, expected):
    of_group = group(version_prefix=prefix if by == "group" else "")
    instance = asking("one", version_prefix=prefix if by == "client" else "")

    assert answered(of_group, instance) == expected


def test_both_prefixes_have_to_hold():
    assert answered(group(version_prefix="1"), asking("one", version_prefix="1.1")) == "update.gz"
    assert answered(group(version_prefix="1"), asking("one", version_prefix="1.2")) == "Excluded"


@pytest.mark.parametrize(
    ("asked_for", "allowed", "same_version", "version", "expected"),
    [
        pytest.param(True, True, False, "1.2.0", "update.gz", id="both say so"),
        pytest.param(True, False, False, "1.2.0", "UpToDate", id="the group doesn't"),
        pytest.param(False, True, False, "1.2.0", "UpToDate", id="the client doesn't"),
        pytest.param(False, True, True, "1.2.0", "UpToDate", id="asking for the same is not asking for less"),
        pytest.param(True, True, False, NEW, "UpToDate", id="equal is not lower"),
        pytest.param(True, True, True, NEW, "update.gz", id="equal and asked for"),
        pytest.param(True, True, False, OLD, "update.gz", id="up as ever"),
    ],
)
def test_down_goes_only_who_says_so_where_the_group_lets_it(asked_for, allowed, same_version, version, expected):
    instance = asking("one", version, rollback_allowed=asked_for, same_version=same_version)

    assert answered(group(allow_downgrade=allowed), instance) == expected


@pytest.mark.parametrize(
    ("on_demand", "bypasses", "fleet", "expected"),
    [
        pytest.param(True, True, Fleet(rate_slot=SOON), "update.gz", id="somebody waits and the group lets it"),
        pytest.param(True, False, Fleet(rate_slot=SOON), "RateLimited", id="somebody waits"),
        pytest.param(False, True, Fleet(rate_slot=SOON), "RateLimited", id="nobody waits"),
        pytest.param(True, True, Fleet(in_flight=1), "TooManyInFlight", id="in flight holds all the same"),
        pytest.param(True, True, Fleet(available=False), "StoreUnavailable", id="so does the store"),
    ],
)
def test_a_check_on_demand_skips_the_rate_limit_and_nothing_else(on_demand, bypasses, fleet, expected):
    of_group = group(limits=Limits(1, 60, 1), on_demand_bypasses=bypasses)

    assert answered(of_group, asking("one", on_demand=on_demand), fleet) == expected


@given(
    oem=st.sampled_from(["", "ami"]),
    arch=ARCHITECTURES,
    prefix=st.sampled_from(["", "1", "2", NEW]) | st.text(max_size=200),
    own=st.sampled_from(["", "1", "2"]),
    payloads=PAYLOADS.filter(bool),
)
def test_whoever_is_excluded_is_told_by_what(oem, arch, prefix, own, payloads):
    of_group = group(payloads=payloads, version_prefix=own, excluded_oems=frozenset({"ami"}))
    instance = asking("one", oem=oem, arch=arch, version_prefix=prefix)
    message = explained(of_group, instance)

    assert ("OEM" in message) == (oem == "ami")
    assert ("has packages for" in message) == (of_group.payload_for(arch) is None)
    assert ("targetversionprefix" in message) == (bool(prefix) and not versions.has_prefix(NEW, prefix))
    assert ("versionPolicy.prefix" in message) == (own == "2")


@pytest.mark.parametrize(
    ("of_group", "instance", "words"),
    [
        pytest.param(
            {"excluded_oems": frozenset({"ami"})},
            {"oem": "ami"},
            ["excludes OEM 'ami'", "spec.exclude.oems"],
            id="OEM",
        ),
        pytest.param(
            {"payloads": (ARM64, AMD64)},
            {"arch": "i386"},
            ["architecture is i386", "packages for amd64, arm64 only", "one for i386"],
            id="architecture",
        ),
        pytest.param(
            {"payloads": (AMD64,)},
            {},
            ["doesn't say what architecture", "for amd64 only", "without spec.arch"],
            id="no architecture",
        ),
        pytest.param(
            {}, {"version_prefix": "2"}, ["with '2'", "targetversionprefix", "1.1.0 doesn't"], id="its prefix"
        ),
        pytest.param({"version_prefix": "2."}, {}, ["with '2.'", "spec.versionPolicy.prefix"], id="the group's prefix"),
        pytest.param(
            {"payloads": (AMD64,), "lost": (LOST_ARM64,)},
            {"arch": "arm64"},
            ['"app-arm64"', "is gone", "1.1.0 for arm64"],
            id="its package is gone",
        ),
        pytest.param(
            {},
            {"version": "1.2.0", "rollback_allowed": True},
            ["above 1.1.0", "rollback_allowed", "spec.versionPolicy.allowDowngrade"],
            id="a downgrade that the group refuses",
        ),
        pytest.param(
            {"allow_downgrade": True},
            {"version": "1.2.0"},
            ["above 1.1.0", "nothing moves down"],
            id="no downgrade asked",
        ),
    ],
)
def test_an_explanation_names_the_field_that_would_change_it(of_group, instance, words):
    message = explained(replace(group(), **of_group), replace(asking("one"), **instance))

    assert [word for word in words if word not in message] == []


def test_everything_at_once_still_fits_into_a_message():
    version = "1.0.0-" + "a" * 122
    of_group = group(
        version=version,
        name="g" * 253,
        payloads=tuple(replace(PAYLOAD, arch=name) for name in architectures.NAMES[1:]),
        excluded_oems=frozenset({"o" * 128}),
        version_prefix="2.0.0-" + "b" * 122,
        paused=True,
        limits=Limits(1, 60, 1),
    )
    instance = asking("one", oem="o" * 128, version_prefix="\x01" * 5000)
    message = explained(of_group, replace(instance, version="0"), Fleet(in_flight=9, rate_slot=SOON, available=False))

    assert message.count(" with ") >= 2
    assert len(message) <= MAX_MESSAGE


PREFIXES = st.lists(st.integers(0, 300), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))


@given(PREFIXES, PREFIXES)
def test_a_prefix_holds_part_by_part(version, prefix):
    parts, wanted = version.split("."), prefix.split(".")
    # 1.2 is 1.2.0.0: what isn't written is 0.
    written = [*parts, "0", "0", "0"][:4]

    assert versions.has_prefix(version, prefix) == (written[: len(wanted)] == wanted)
    assert versions.has_prefix(version, prefix + ".") == versions.has_prefix(version, prefix)
    assert versions.has_prefix(version, prefix + "$") == versions.same(version, prefix)


@pytest.mark.parametrize(
    ("version", "prefix", "expected"),
    [
        pytest.param("1.2.3.4", "1.2.3", True, id="four parts of three"),
        pytest.param("1.2.34", "1.2.3", False, id="no text's prefix"),
        pytest.param("1.2.3-beta.1", "1.2.3", True, id="a prerelease of it"),
        pytest.param("1.2.3", "1.2.3-beta.1", False, id="a release is no prerelease"),
        pytest.param("1.2.3-beta.1", "1.2.3-beta.1", True, id="that very prerelease"),
        pytest.param("3340.0.0+nightly", "3340.0.0+other", True, id="build metadata says nothing"),
        pytest.param("1.2.3", "", False, id="empty is none of any"),
        pytest.param("1.2.3", "$", False, id="exactly nothing"),
        pytest.param("garbage", "1", False, id="no version"),
    ],
)
def test_prefixes_of_both_notations(version, prefix, expected):
    assert versions.has_prefix(version, prefix) is expected
