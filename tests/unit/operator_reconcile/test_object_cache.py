"""Does the cache end up with what the cluster holds, in whatever order it is told?"""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from update_core.resources.group import Group
from update_core.resources.package import Package
from update_operator.cache import Cache, Unreadable
from update_operator.keys import Key

KEY = Key("Package", "team", "p")


def package(version="1.0.0", *, at=1, uid="u", name="p"):
    """A Package at a resourceVersion."""
    spec = {"applicationRef": {"name": "app"}, "version": version, "url": "x", "size": 1, "sha256": "a" * 64}
    metadata = {"name": name, "namespace": "team", "uid": uid, "resourceVersion": str(at), "generation": 1}
    return {"kind": "Package", "metadata": metadata, "spec": spec}


@pytest.fixture
def cache():
    return Cache()


def held(cache):
    """The version of the package that the cache holds."""
    found = cache.get(Package, "team", "p")
    return found.spec.version if found else None


def test_an_older_version_never_replaces_a_newer_one(cache):
    assert cache.put(package("2.0.0", at=5)) is not None
    assert cache.put(package("1.0.0", at=4)) is None
    assert cache.put(package("2.0.0", at=5)) is None
    assert held(cache) == "2.0.0"


def test_a_late_event_does_not_bring_a_deleted_object_back(cache):
    cache.put(package(at=5))
    assert cache.remove(package(at=6)).new is None
    assert cache.put(package(at=5)) is None
    assert cache.put(package("2.0.0", at=7, uid="again")) is not None
    assert held(cache) == "2.0.0"


def test_a_late_deletion_does_not_remove_the_object_that_was_made_again(cache):
    cache.put(package(at=7, uid="again"))
    assert cache.remove(package(at=6)) is None
    assert held(cache) == "1.0.0"


def test_a_complete_list_removes_ghosts_and_keeps_what_came_after_it(cache):
    cache.put(package(at=5, name="ghost"))
    cache.put(package(at=20, name="newer"))
    changes = cache.synchronise("Package", [package(at=6)], "10")

    assert {change.key.name: change.new is None for change in changes} == {"p": False, "ghost": True}
    assert {key.name for key in cache.all_keys()} == {"p", "newer"}


def test_an_event_older_than_a_list_that_did_not_hold_its_object_is_late(cache):
    cache.synchronise("Package", [], "10")

    assert cache.put(package(at=9)) is None
    assert cache.put(package(at=11)) is not None


def test_lists_of_one_kind_say_nothing_of_another(cache):
    cache.put(package(at=5))
    cache.synchronise("Group", [], "10")

    assert held(cache) == "1.0.0"


def test_an_object_that_is_gone_is_discarded_only_at_the_version_that_was_asked_for(cache):
    cache.put(package(at=5))
    assert cache.discard(KEY, "4") is None
    assert cache.discard(KEY, "5").new is None
    assert cache.discard(KEY, "5") is None


def test_an_index_follows_its_objects(cache):
    cache.put(package("1.0.0", at=1))
    cache.put(package("2.0.0", at=2))

    assert cache.select(Package, "version", "team", "app", "1.0.0") == []
    assert [p.metadata.name for p in cache.select(Package, "version", "team", "app", "2.0.0")] == ["p"]
    cache.remove(package(at=3))
    assert cache.select(Package, "version", "team", "app", "2.0.0") == []


def test_an_object_of_another_schema_is_kept_with_what_is_wrong_with_it(cache):
    broken = package(at=1)
    del broken["spec"]["version"]
    cache.put(broken)

    entry = cache.entry(KEY)
    assert isinstance(entry, Unreadable)
    assert "spec.version" in entry.error
    assert cache.get(Package, "team", "p") is None
    assert cache.get(Group, "team", "p") is None


@given(st.lists(st.sampled_from(["write", "delete"]), min_size=1, max_size=12), st.integers())
def test_any_order_of_events_with_duplicates_ends_where_the_last_list_says(story, seed):
    events, truth = [], None
    for at, act in enumerate(story, start=1):
        if act == "write":
            truth = package(f"{at}.0.0", at=at, uid=truth["metadata"]["uid"] if truth else f"u{at}")
            events.append(("put", truth))
        elif truth is not None:
            events.append(("remove", {**truth, "metadata": {**truth["metadata"], "resourceVersion": str(at)}}))
            truth = None
    shuffled = events * 2
    random.Random(seed).shuffle(shuffled)
    cut = len(shuffled) // 2
    cache = Cache()
    for method, obj in shuffled[:cut]:
        getattr(cache, method)(obj)
    cache.synchronise("Package", [truth] if truth else [], str(len(story)))
    for method, obj in shuffled[cut:]:
        getattr(cache, method)(obj)

    assert held(cache) == (truth["spec"]["version"] if truth else None)


def channel(*managers, at=1):
    """A Channel whose version was written by these field managers, one after the other."""
    spec = {"applicationRef": {"name": "app"}, "name": "stable", "version": "1.0.0"}
    fields = [
        {"manager": name, "time": f"2026-01-0{number}T00:00:00Z", "fieldsV1": {"f:spec": {"f:version": {}}}}
        for number, name in enumerate(managers, 1)
    ]
    fields.append({"manager": "update-operator", "time": "2026-01-09T00:00:00Z", "fieldsV1": {"f:status": {}}})
    metadata = {"name": "c", "namespace": "team", "uid": "u", "resourceVersion": str(at), "managedFields": fields}
    return {"kind": "Channel", "metadata": metadata, "spec": spec}


@pytest.mark.parametrize(
    ("managers", "found"),
    [
        pytest.param(("kubectl",), "kubectl", id="one"),
        pytest.param(("kubectl", "argocd"), "argocd", id="of several the last"),
        pytest.param(("m" * 200,), "m" * 128, id="a long name"),
        pytest.param((), None, id="none"),
    ],
)
def test_who_made_a_channel_name_its_version_is_remembered(cache, managers, found):
    cache.put(channel("someone-before"))
    cache.put(channel(*managers, at=2))

    assert cache.version_manager(Key("Channel", "team", "c")) == found


def test_of_a_channel_that_is_gone_nobody_is_remembered(cache):
    cache.put(channel("kubectl"))
    cache.remove(channel("kubectl"))

    assert cache.version_manager(Key("Channel", "team", "c")) is None
