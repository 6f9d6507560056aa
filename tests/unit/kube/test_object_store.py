"""The picture of one type's objects follows lists and events, and nothing that is old."""

from __future__ import annotations

from update_kube import store, watching
from update_kube.store import ChangeKind
from update_kube.watching import EventType


def thing(name, revision, uid=None, value=""):
    metadata = {"namespace": "n", "name": name, "uid": uid or name, "resourceVersion": str(revision)}
    return {"metadata": metadata, "value": value}


def told(changes):
    return [(change.kind, change.key[1]) for change in changes]


def listed(*items, revision):
    filled = store.Store()
    list(filled.replace(items, revision))
    return filled


def test_a_list_is_told_as_its_difference_from_what_was_held():
    held = listed(thing("same", 1), thing("changed", 2), thing("gone", 3), revision=5)

    changes = list(held.replace([thing("same", 1), thing("changed", 7), thing("new", 8)], 9))

    assert told(changes) == [
        (ChangeKind.DELETED, "gone"),
        (ChangeKind.MODIFIED, "changed"),
        (ChangeKind.ADDED, "new"),
    ]
    assert set(held.objects) == {("n", "same"), ("n", "changed"), ("n", "new")}


def test_a_list_counts_even_if_it_is_older_as_after_a_restored_backup():
    held = listed(thing("a", 100), thing("b", 90), revision=100)

    changes = list(held.replace([thing("a", 50)], 60))

    assert told(changes) == [(ChangeKind.DELETED, "b"), (ChangeKind.MODIFIED, "a")]
    assert told(held.update(watching.Event(EventType.MODIFIED, thing("a", 61)))) == [(ChangeKind.MODIFIED, "a")]


def test_an_event_as_old_as_the_list_is_dropped():
    held = listed(thing("a", 5), revision=9)

    assert held.update(watching.Event(EventType.ADDED, thing("b", 9))) is None
    assert held.update(watching.Event(EventType.DELETED, thing("a", 6))) is None


def test_revisions_are_compared_as_numbers():
    held = listed(thing("a", 9), revision=9)

    assert told(held.update(watching.Event(EventType.MODIFIED, thing("a", 10)))) == [(ChangeKind.MODIFIED, "a")]


def test_a_deleted_object_is_not_resurrected_by_a_late_event():
    held = listed(thing("a", 5), revision=5)
    held.update(watching.Event(EventType.DELETED, thing("a", 8)))

    assert held.update(watching.Event(EventType.MODIFIED, thing("a", 7))) is None
    assert held.objects == {}


def test_the_late_deletion_of_a_predecessor_does_not_remove_its_successor():
    held = listed(thing("a", 5, uid="old"), revision=5)
    changes = held.update(watching.Event(EventType.ADDED, thing("a", 8, uid="new")))

    assert told(changes) == [(ChangeKind.DELETED, "a"), (ChangeKind.ADDED, "a")]
    assert held.update(watching.Event(EventType.DELETED, thing("a", 7, uid="old"))) is None
    assert held.objects["n", "a"]["metadata"]["uid"] == "new"


def test_the_deletion_of_something_never_seen_changes_nothing_and_is_remembered():
    held = listed(revision=5)

    assert held.update(watching.Event(EventType.DELETED, thing("a", 8))) == []
    assert held.update(watching.Event(EventType.ADDED, thing("a", 6))) is None


def test_a_change_carries_what_was_there_before():
    held = listed(thing("a", 5, value="before"), revision=5)

    (change,) = held.update(watching.Event(EventType.MODIFIED, thing("a", 6, value="after")))

    assert (change.old["value"], change.obj["value"]) == ("before", "after")
