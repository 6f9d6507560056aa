"""Does a change bring back every object whose status depends on it?"""

import pytest

from support import kinds
from update_operator import dependents
from update_operator.cache import Cache
from update_operator.keys import Key


def obj(resource, at=1):
    """A value as the API server would send it."""
    metadata = {**resource.metadata.to_wire(), "resourceVersion": str(at)}
    return {
        "kind": resource.kind,
        "metadata": metadata,
        "spec": resource.spec.to_wire(),
        "status": resource.status.to_wire(),
    }


@pytest.fixture
def cache():
    held = Cache()
    for resource in (
        kinds.application(defaultGroupRef={"name": "prod"}),
        kinds.application("twin"),
        kinds.application("other", app_id="io.example.other"),
        kinds.package("1.0.0"),
        kinds.package("2.0.0"),
        kinds.channel("1.0.0"),
        kinds.channel("2.0.0", name="stable-too"),
        kinds.channel("1.0.0", name="elsewhere", app="other"),
        kinds.group(),
        kinds.group(name="rival"),
        kinds.group(name="beta", track="beta", channel="stable-too"),
    ):
        held.put(obj(resource))
    return held


def touched(cache, resource):
    """The names of what a new version of an object brings back."""
    change = cache.put(obj(resource, at=2))
    return {f"{key.kind} {key.name}" for key in dependents.of_change(cache, change)}


def test_an_application_concerns_its_members_and_who_wants_its_app_id(cache):
    assert touched(cache, kinds.application()) == {
        "Application app",
        "Application twin",
        "Package p-1.0.0",
        "Package p-2.0.0",
        "Channel stable",
        "Channel stable-too",
        "Group prod",
        "Group rival",
        "Group beta",
    }


def test_a_package_concerns_who_names_its_version(cache):
    assert touched(cache, kinds.package("1.0.0")) == {"Package p-1.0.0", "Channel stable", "Group prod", "Group rival"}


def test_a_channel_concerns_its_followers_and_who_shares_its_name(cache):
    assert touched(cache, kinds.channel("2.0.0")) == {
        "Channel stable",
        "Channel stable-too",
        "Group prod",
        "Group rival",
        "Group beta",
    }


def test_a_group_concerns_its_channel_its_rivals_and_whose_default_it_is(cache):
    found = touched(cache, kinds.group(channel="stable-too"))

    assert found == {"Group prod", "Group rival", "Channel stable", "Channel stable-too", "Application app"}


def test_a_group_that_was_only_counted_concerns_nobody_else(cache):
    counted = {"observedGeneration": -1, "progress": "1/2", "instances": {"total": 2}}

    assert touched(cache, kinds.group(status=counted)) == {"Group prod"}


def test_progress_concerns_the_groups_with_that_track(cache):
    assert set(dependents.of_progress(cache, kinds.APP_ID, "prod")) == {
        Key("Group", "team", "prod"),
        Key("Group", "team", "rival"),
    }
    assert list(dependents.of_progress(cache, "io.example.unknown", "prod")) == []


AFTER_PROD = {"dependsOn": [{"groupRef": {"name": "prod"}}]}


def test_a_group_that_goes_after_another_is_looked_at_whenever_that_one_changes(cache):
    cache.put(obj(kinds.group(name="late", track="late", channel="elsewhere", rollout=AFTER_PROD)))
    counted = {"observedGeneration": -1, "progress": "1/2", "instances": {"total": 2}}

    assert touched(cache, kinds.group(status=counted)) == {"Group prod", "Group late"}
    gone = cache.discard(Key("Group", "team", "prod"), "2")
    assert Key("Group", "team", "late") in dependents.of_change(cache, gone)
    back = cache.put(obj(kinds.group(), at=3))
    assert Key("Group", "team", "late") in dependents.of_change(cache, back)


def test_a_package_concerns_groups_that_may_be_moved_back_to_its_version(cache):
    past = {"sequence": 1, "version": "2.0.0", "outcome": "Promoted", "startedTime": kinds.BIRTH.isoformat()}
    status = {"observedGeneration": 1, "history": [past | {"endedTime": kinds.BIRTH.isoformat()}]}
    cache.put(
        obj(
            kinds.group(name="back", track="back", channel="nowhere", status=status, rollout={"onHalt": "Rollback"}),
        )
    )

    assert "Group back" in touched(cache, kinds.package("2.0.0"))
    assert "Group back" not in touched(cache, kinds.package("1.0.0"))
