"""Does reconciling again, with the status that was written, ask for another write? It mustn't, or the operator would write for ever."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from support import kinds
from update_core.fleet.progress import GroupProgress, RolloutRecord
from update_core.resources.group import Group, GroupStatus
from update_operator.reconcile import channel, group
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
)
fleets = st.builds(Fleet, contact=st.sampled_from(Contact), known=st.booleans(), progress=progresses)
applications = st.sampled_from([None, kinds.application(), kinds.application(ready="AppIdConflict")])


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
        group=kinds.group(status=status, paused=draw(st.booleans())),
        application=draw(applications),
        channel=its_channel,
        fleet=draw(fleets),
        rivals=draw(st.sampled_from([(), (kinds.group(name="a"),)])),
        channel_holder=its_channel,
        packages=draw(st.sampled_from(package_sets(version))),
    )


def with_status(view, status):
    """The same surroundings, the status written and read back as the API server would hand it out."""
    read = Group.parse(
        {"metadata": view.group.metadata.to_wire(), "spec": view.group.spec.to_wire(), "status": status.to_wire()}
    )
    return group.View(read, view.application, view.channel, view.fleet, view.rivals, view.channel_holder, view.packages)


@given(st.data())
@settings(max_examples=300, deadline=None)
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
@settings(max_examples=200, deadline=None)
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
@settings(max_examples=200, deadline=None)
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
