"""A version with Packages for several architectures: what is stamped, when that is a new rollout, and what is said of it."""

import itertools

import pytest

from support import kinds
from update_core.resources.group import GroupStatus
from update_core.resources.package import Package
from update_operator import views
from update_operator.cache import Cache
from update_operator.reconcile import channel, group, package
from update_operator.reconcile.outcome import Contact, Fleet

NOW = kinds.later(100)
QUIET = Fleet(Contact.ANSWERING, known=True)
FOR_ALL, AMD64, ARM64 = (kinds.package("1.0.0", arch=arch) for arch in ("", "amd64", "arm64"))
OLDER = {"creationTimestamp": kinds.later(-5).isoformat()}


def follow(status, *packages, of="1.0.0", fleet=QUIET):
    """The outcome for a Group with this status whose channel's version has these packages."""
    followed = kinds.channel(of)
    view = group.View(
        kinds.group(status=status),
        kinds.application(),
        followed,
        fleet,
        channel_holder=followed,
        packages=packages,
    )
    return group.reconcile(view, NOW, "salt").status


def begun(*packages):
    """The status with a rollout that has begun, and is complete."""
    status = follow(GroupStatus(), *packages)
    return status.model_copy(update={"rollout": status.rollout.model_copy(update={"completed_time": NOW})})


def stamped(status):
    """(architecture, name) of what is stamped."""
    return [(stamp.arch, stamp.name) for stamp in status.target.packages]


def available(status):
    """The message of PackageAvailable."""
    return next(c.message for c in status.conditions if c.type == "PackageAvailable")


def test_every_architecture_is_stamped():
    status = follow(GroupStatus(), FOR_ALL, AMD64, ARM64)

    assert stamped(status) == [(None, "p-1.0.0"), ("amd64", "p-1.0.0-amd64"), ("arm64", "p-1.0.0-arm64")]
    assert "arch" not in status.to_wire()["target"]["packages"][0]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param((AMD64,), (AMD64, ARM64), id="an architecture more"),
        pytest.param((FOR_ALL,), (FOR_ALL, ARM64), id="an architecture taken out of those for all"),
        pytest.param((AMD64,), (FOR_ALL, AMD64), id="one for all others"),
        pytest.param((AMD64, ARM64), (AMD64, kinds.package("1.0.0", arch="arm64", uid="again")), id="one made again"),
        pytest.param((FOR_ALL,), (AMD64, ARM64), id="split"),
    ],
)
def test_bytes_that_were_not_stamped_are_a_rollout_of_their_own(before, after):
    status = follow(begun(*before), *after)

    assert (status.rollout.sequence, status.rollout.completed_time) == (2, None)
    assert len(stamped(status)) == len(after)


@pytest.mark.parametrize("left", [(AMD64,), (ARM64,)], ids=["amd64", "arm64"])
def test_an_architecture_that_goes_only_stops_and_starts_nothing(left):
    before = begun(AMD64, ARM64)
    status = follow(before, *left)

    assert (status.target, status.rollout) == (before.target, before.rollout)


def test_it_is_said_which_packages_there_are_and_which_are_gone():
    assert available(follow(GroupStatus(), AMD64)) == 'Package "p-1.0.0-amd64" (amd64) is version 1.0.0.'
    both = follow(GroupStatus(), FOR_ALL, ARM64)
    assert available(both) == 'Packages "p-1.0.0", "p-1.0.0-arm64" (arm64) are version 1.0.0.'
    left = follow(both, FOR_ALL)
    assert available(left).endswith('and they are gone: "p-1.0.0-arm64" (arm64).')
    assert "gone" not in available(follow(left, kinds.package("2.0.0"), of="2.0.0"))


def test_a_channels_version_is_there_with_any_architecture():
    seen = channel.View(kinds.channel("1.0.0"), kinds.application(), packages=(ARM64,))

    assert kinds.summary(channel.reconcile(seen, NOW).status.conditions)["PackageAvailable"] == "True PackageFound"


def cached(*resources):
    """A cache that has taken in these, in this order."""
    cache = Cache()
    for version, resource in enumerate((kinds.application(), kinds.channel("1.0.0"), *resources), start=1):
        metadata = {**resource.metadata.to_wire(), "resourceVersion": str(version)}
        spec, status = resource.spec.to_wire(), resource.status.to_wire()
        cache.put({"kind": resource.kind, "metadata": metadata, "spec": spec, "status": status})
    return cache


@pytest.mark.parametrize(
    "order",
    list(itertools.permutations((FOR_ALL, AMD64, ARM64))),
    ids=lambda order: " ".join(found.spec.arch or "all" for found in order),
)
def test_the_stamp_is_the_same_whatever_order_packages_appear_in(order):
    view = views.of_channel(cached(*order), kinds.channel("1.0.0"))

    assert [found.spec.arch for found in view.packages] == [None, "amd64", "arm64"]


def test_of_each_architecture_the_oldest_that_stays_counts():
    older = kinds.package("1.0.0", name="older", arch="arm64", **OLDER)
    going = kinds.package("1.0.0", name="going", arch="amd64", deletionTimestamp=kinds.later(1).isoformat(), **OLDER)
    other = kinds.package("2.0.0", arch="riscv64")

    view = views.of_channel(cached(ARM64, older, AMD64, going, other), kinds.channel("1.0.0"))

    assert [found.metadata.name for found in view.packages] == ["p-1.0.0-amd64", "older"]


@pytest.mark.parametrize(
    ("rival", "ready"),
    [
        pytest.param("arm64", "False Conflict", id="same architecture"),
        pytest.param("amd64", "True Reconciled", id="another architecture"),
        pytest.param("", "True Reconciled", id="for all"),
    ],
)
def test_a_version_is_unique_for_its_architecture(rival, ready):
    older = kinds.package("1.0.0", name="older", arch=rival, **OLDER)
    cache = cached(ARM64, older)
    found = views.of_package(cache, cache.get(Package, kinds.NAMESPACE, ARM64.metadata.name))

    status = package.reconcile(found, NOW).status

    assert kinds.summary(status.conditions)["Ready"] == ready
    assert ('"older" has version 1.0.0' in status.conditions[0].message) == (ready == "False Conflict")
    assert ("for arm64" in status.conditions[0].message) == (ready == "False Conflict")
