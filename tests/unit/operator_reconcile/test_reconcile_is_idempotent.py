"""Does reconciling again, with the status that was written, ask for another write? It mustn't, or the operator would write for ever."""

import dataclasses
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from support import kinds
from support.properties import examples
from update_core.fleet.progress import GroupProgress, RolloutRecord
from update_core.resources.channel import Floor
from update_core.resources.group import Group, GroupStatus
from update_core.rollout.advance import WaveCounts
from update_core.rollout.plan import UNGUARDED, Course, HaltReason, Latch
from update_core.rollout.waves import Opened
from update_core.targets import Step
from update_operator.reconcile import channel, group
from update_operator.reconcile.dependencies import Depended
from update_operator.reconcile.outcome import Contact, Fleet

versions = st.sampled_from(["1.0.0", "2.0.0"])
counts = st.integers(0, 3)
records = st.none() | st.builds(
    RolloutRecord,
    sequence=st.integers(1, 5),
    version=versions,
    salt=st.just("store-salt"),
    started_at=st.just(kinds.later(5)),
    completed_at=st.none() | st.just(kinds.later(6)),
    kind=st.sampled_from(["Update", "Rollback"]),
    from_version=versions,
    course=st.sampled_from(
        [UNGUARDED, Course(opened=()), Course(opened=(Opened("canary", kinds.later(5), ppm=10**5),))]
    ),
)
latches = st.none() | st.builds(
    Latch,
    sequence=st.integers(1, 6),
    epoch=st.integers(0, 1),
    at=st.just(kinds.later(6)),
    reason=st.sampled_from(HaltReason),
    message=st.just("too many"),
)
waves = st.dictionaries(
    st.sampled_from(["canary", "everybody"]),
    st.builds(WaveCounts, granted=counts, succeeded=counts, failed=counts, waiting=counts, ahead=st.none() | counts),
)
progresses = st.none() | st.builds(
    GroupProgress,
    app_id=st.just(kinds.APP_ID),
    track=st.just("prod"),
    rollout=records,
    total=counts,
    active=counts,
    on_target=counts,
    in_progress=counts,
    in_progress_current=counts,
    failed=counts,
    finished=counts,
    waves=waves,
    latch=latches,
    settled=st.booleans(),
)
fleets = st.builds(Fleet, contact=st.sampled_from(Contact), known=st.booleans(), progress=progresses)
applications = st.sampled_from([None, kinds.application(), kinds.application(ready="AppIdConflict")])
# Nothing of these changes within the hour.
NIGHTS = {"days": ["Friday"], "startTime": "02:00", "durationSeconds": 3600, "timeZone": "Europe/Berlin"}
FREEZE = {"start": kinds.BIRTH.isoformat(), "end": kinds.later(86400).isoformat(), "reason": "a fair"}
SCHEDULES = [
    {},
    {"maintenanceWindows": [NIGHTS]},
    {"maintenanceWindows": [NIGHTS], "freezes": [FREEZE]},
    {"maintenanceWindows": [NIGHTS | {"timeZone": "Europe/Atlantis"}]},
]


CANARY = {"name": "canary", "percent": 10}
AFTER = {"dependsOn": [{"groupRef": {"name": "first"}}]}
ROLLOUTS = [
    {},
    {"waves": [CANARY]},
    {"waves": [CANARY | {"settlePercent": 0}], "onHalt": "Rollback"},
    {"waves": [{"name": "everybody", "percent": 100, "approval": "Required"}], "completePercent": 50},
    {"approval": {"version": "1.0.0", "wave": "everybody"}, "onHalt": "Rollback"},
    {"halt": {"version": "1.0.0", "reason": "no"}},
    {"resume": {"sequence": 2, "epoch": 1}, "onHalt": "Rollback"},
    {"waves": [{"name": "neither"}]},
    AFTER,
    AFTER | {"waves": [CANARY]},
]
FIRST = kinds.group(
    name="first",
    status={
        "observedGeneration": 1,
        "conditions": kinds.conditions(
            ("Ready", "True", "R"), ("Halted", "False", "H"), ("FleetReported", "True", "F")
        ),
        "target": {"version": "2.0.0", "packages": [{"name": "p", "uid": "u", "sha256": "a" * 64}]},
        "rollout": {"sequence": 1, "version": "2.0.0", "salt": "s", "startedTime": kinds.BIRTH.isoformat()},
        "instances": {"active": 1, "onTarget": 1},
    },
)


FLOOR, ITS_PACKAGE = Floor(version="0.5.0"), kinds.package("0.5.0")
STEPS = [(), (Step(FLOOR),), (Step(FLOOR, (ITS_PACKAGE,)),), (Step(FLOOR, (kinds.package("0.5.0", uid="other"),)),)]


def package_sets(version):
    """What there may be of a version."""
    for_all, again = kinds.package(version), kinds.package(version, uid="other")
    amd64, arm64 = kinds.package(version, arch="amd64"), kinds.package(version, arch="arm64")
    return [(), (for_all,), (again,), (amd64,), (amd64, arm64), (for_all, arm64)]


@st.composite
def views(draw, status=None):
    """A Group in any surroundings."""
    version = draw(versions)
    its_channel = draw(st.sampled_from([None, kinds.channel(version), kinds.channel(version, app="other")]))
    return group.View(
        group=kinds.group(
            status=status,
            paused=draw(st.booleans()),
            rollout=draw(st.sampled_from(ROLLOUTS)),
            versionPolicy={"allowDowngrade": draw(st.booleans())},
            **draw(st.sampled_from(SCHEDULES)),
        ),
        application=draw(applications),
        channel=its_channel,
        fleet=draw(fleets),
        rivals=draw(st.sampled_from([(), (kinds.group(name="a"),)])),
        channel_holder=its_channel,
        packages=draw(st.sampled_from(package_sets(version))),
        steps=draw(st.sampled_from(STEPS)),
        older={each: tuple(draw(st.sampled_from(package_sets(each)))) for each in ("1.0.0", "2.0.0")},
        depended=draw(st.sampled_from([{}, {"first": Depended(FIRST, "2.0.0")}])),
        circle=draw(st.sampled_from([(), (), ("prod", "prod")])),
    )


def with_status(view, status):
    """The same surroundings, the status written and read back as the API server would hand it out."""
    read = Group.parse(
        {"metadata": view.group.metadata.to_wire(), "spec": view.group.spec.to_wire(), "status": status.to_wire()}
    )
    return dataclasses.replace(view, group=read)


@given(st.data())
@settings(max_examples=examples(150), deadline=None)
def test_a_groups_status_is_a_fixed_point(data):
    now, status = kinds.later(100), GroupStatus()
    for step in range(3):
        view = data.draw(views(status))
        outcome = group.reconcile(view, now + timedelta(seconds=step, microseconds=7), f"salt-{step}")
        again = group.reconcile(with_status(view, outcome.status), now + timedelta(hours=1), "another")

        assert again.status == outcome.status
        assert again.notices == ()
        status = outcome.status


@given(st.lists(views(), min_size=1, max_size=6))
@settings(max_examples=examples(200), deadline=None)
def test_a_groups_sequence_only_rises_and_a_rollout_never_changes_under_its_number(surroundings):
    status, seen = GroupStatus(), {}
    for step, view in enumerate(surroundings):
        outcome = group.reconcile(with_status(view, status), kinds.later(step), f"salt-{step}")
        before, after = status.rollout, outcome.status.rollout
        if before is not None:
            assert after.sequence >= before.sequence
        if after is not None:
            identity = (after.version, after.salt, after.started_time, outcome.status.target)
            assert seen.setdefault(after.sequence, identity) == identity
        status = outcome.status


@given(st.data())
@settings(max_examples=examples(200), deadline=None)
def test_a_channels_status_settles_in_two_writes(data):
    view = data.draw(views())
    followers = (with_status(view, group.reconcile(view, kinds.later(1), "salt").status).group,)
    found = kinds.channel("1.0.0")
    packages = data.draw(st.sampled_from(package_sets("1.0.0")))
    statuses = []
    for step in range(3):
        seen = channel.View(found, kinds.application(), packages=packages, followers=followers)
        statuses.append(channel.reconcile(seen, kinds.later(step)).status)
        found = kinds.channel("1.0.0", status=statuses[-1])

    assert statuses[2] == statuses[1]
