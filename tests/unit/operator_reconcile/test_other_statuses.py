"""What do the statuses of Applications, Packages and unreadable objects say?"""

import dataclasses

import pytest

from support import kinds
from update_core.resources.channel import ChannelStatus
from update_core.resources.group import GroupStatus
from update_operator.reconcile import application, package, unreadable

NOW = kinds.later(100)
OLDER = {"creationTimestamp": kinds.later(-5).isoformat()}
FRESH = kinds.application(ready=None)
WITH_DEFAULT = kinds.application(ready=None, defaultGroupRef={"name": "prod"})


@pytest.mark.parametrize(
    ("changes", "ready"),
    [
        pytest.param({}, "True Reconciled", id="owner"),
        pytest.param({"owner_namespace": "other"}, "False AppIdConflict", id="another namespace's"),
        pytest.param(
            {"rivals": (kinds.application("a-older"),)}, "False AppIdConflict", id="another's in this namespace"
        ),
        pytest.param({"rivals": (kinds.application("younger"),)}, "True Reconciled", id="wanted by a later one"),
        pytest.param({"application": WITH_DEFAULT}, "False ReferenceNotFound", id="no default group"),
        pytest.param(
            {"application": WITH_DEFAULT, "default_group": kinds.group()}, "True Reconciled", id="default group"
        ),
        pytest.param(
            {"application": WITH_DEFAULT, "default_group": kinds.group(app="other")},
            "False ReferenceNotFound",
            id="another's default group",
        ),
    ],
)
def test_application(changes, ready):
    view = dataclasses.replace(application.View(FRESH, kinds.NAMESPACE), **changes)
    status = application.reconcile(view, NOW).status

    assert kinds.summary(status.conditions)["Ready"] == ready
    assert status.observed_generation == 1


def test_an_app_id_conflict_names_the_owner_and_the_way_out():
    status = application.reconcile(application.View(FRESH, "other"), NOW).status

    assert 'belongs to namespace "other"' in status.conditions[0].message
    assert "administrator" in status.conditions[0].message


def test_an_application_whose_claim_is_not_known_waits():
    assert application.reconcile(application.View(FRESH, None), NOW).status is None


@pytest.mark.parametrize(
    ("changes", "ready"),
    [
        pytest.param({}, "True Reconciled", id="healthy"),
        pytest.param({"application": None}, "False ReferenceNotFound", id="no application"),
        pytest.param({"application": kinds.application(ready="AppIdConflict")}, "False AppIdConflict", id="appId lost"),
        pytest.param(
            {"rivals": (kinds.package("1.0.0", name="older", **OLDER),)}, "False Conflict", id="version taken"
        ),
        pytest.param({"package": kinds.package("99999999999")}, "False InvalidSpec", id="version that is none"),
    ],
)
def test_package(changes, ready):
    view = dataclasses.replace(package.View(kinds.package("1.0.0"), kinds.application()), **changes)

    assert kinds.summary(package.reconcile(view, NOW).status.conditions)["Ready"] == ready


def test_a_package_waits_until_its_application_has_been_looked_at():
    assert package.reconcile(package.View(kinds.package("1.0.0"), FRESH), NOW).status is None


def test_bad_news_and_its_end_are_events_good_news_alone_is_none():
    view = package.View(kinds.package("1.0.0"), None)
    refused = package.reconcile(view, NOW)
    remembered = kinds.package("1.0.0").model_copy(update={"status": refused.status})
    again = package.reconcile(package.View(remembered, None), NOW)
    healed = package.reconcile(package.View(remembered, kinds.application()), NOW)
    fresh = package.reconcile(package.View(kinds.package("1.0.0"), kinds.application()), NOW)

    found = [[(n.severity, n.reason) for n in outcome.notices] for outcome in (refused, again, healed, fresh)]
    assert found == [[("Warning", "ReferenceNotFound")], [], [("Normal", "Reconciled")], []]


def test_an_unreadable_group_keeps_its_stamps():
    target = {"version": "1.0.0", "packages": [{"name": "p", "uid": "u", "sha256": "a" * 64}]}
    before = unreadable.read_status(GroupStatus, {"observedGeneration": 1, "target": target})
    status = unreadable.reconcile(before, 2, "spec.track: Field required", NOW).status

    assert kinds.summary(status.conditions) == {"Ready": "False InvalidSpec", "Stalled": "True InvalidSpec"}
    assert "spec.track: Field required" in status.conditions[0].message
    assert status.target == before.target
    assert status.observed_generation == 2


def test_an_unreadable_channel_is_not_rolled_out():
    status = unreadable.reconcile(ChannelStatus(), 2, "spec.version: Field required", NOW).status

    assert kinds.summary(status.conditions)["RolledOut"] == "False InvalidSpec"


def test_a_status_that_cannot_be_read_is_lost():
    assert unreadable.read_status(GroupStatus, {"target": "1.0.0"}) is None
