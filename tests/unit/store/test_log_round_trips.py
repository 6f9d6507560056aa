"""What the log and the rows say of counts, courses, instances and grants is read back as it was written."""

import json
from types import MappingProxyType

from hypothesis import given
from hypothesis import strategies as st

from omaha_api.store import courses, log_entries, rows
from omaha_api.store.log_entries import Kind
from update_core.fleet import attributes as machine
from update_core.fleet.attributes import Attributes
from update_core.fleet.grants import Grant, GrantState
from update_core.fleet.progress import GroupProgress, RolloutRecord
from update_core.fleet.reading import IDLE, InstanceChange, InstanceRow, ProgressChange, ProgressRow, Selectable
from update_core.fleet.store import InstanceRecord
from update_core.rollout.advance import WaveCounts
from update_core.rollout.model import Attempts
from update_core.rollout.plan import Course, HaltReason, Latch
from update_core.rollout.waves import Linear, Opened, Requirement

TIMES = st.integers(0, 2**52).map(rows.instant)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12)
COUNTS = st.integers(0, 2**40)
PPM = st.integers(0, 10**6)
REQUIREMENTS = st.builds(
    Requirement,
    st.sampled_from([*Attributes._fields, "arch", "version"]),
    st.frozensets(TEXTS, max_size=4),
    negated=st.booleans(),
)
OPENED = st.builds(
    Opened,
    name=NAMES,
    opened_at=TIMES,
    ppm=st.none() | PPM,
    instances=st.none() | COUNTS,
    match=st.lists(REQUIREMENTS, max_size=3).map(tuple),
    expected=COUNTS,
    settled_at=st.none() | TIMES,
    settled_after_stopped_seconds=COUNTS,
)
LATCHES = st.builds(
    Latch,
    sequence=st.integers(1, 2**62),
    epoch=COUNTS,
    at=TIMES,
    reason=st.sampled_from(HaltReason),
    message=TEXTS,
    wave=NAMES | st.just(""),
    errors=st.lists(st.tuples(st.integers(-(2**53), 2**53), COUNTS), max_size=5).map(tuple),
)
COURSES = st.builds(
    Course,
    opened=st.none() | st.lists(OPENED, max_size=4).map(tuple),
    linear=st.none() | st.builds(Linear, PPM, st.integers(1, 2**31)),
    epoch=COUNTS,
    halted=st.none() | LATCHES,
    stopped_seconds=COUNTS,
    stopped_since=st.none() | TIMES,
    dependencies_met_at=st.none() | TIMES,
    soaking=st.lists(st.tuples(NAMES, TIMES), max_size=3).map(tuple),
)
ROLLOUTS = st.builds(
    RolloutRecord,
    sequence=st.integers(1, 2**62),
    version=TEXTS,
    salt=TEXTS,
    started_at=TIMES,
    kind=st.sampled_from(["Update", "Rollback"]),
    completed_at=st.none() | TIMES,
    from_version=TEXTS,
    course=COURSES,
)
PROGRESSES = st.builds(
    GroupProgress,
    app_id=NAMES,
    track=TEXTS,
    rollout=st.none() | ROLLOUTS,
    total=COUNTS,
    active=COUNTS,
    on_target=COUNTS,
    in_progress=COUNTS,
    in_progress_current=COUNTS,
    failed=COUNTS,
    finished=COUNTS,
    waves=st.dictionaries(
        NAMES, st.builds(WaveCounts, COUNTS, COUNTS, COUNTS, COUNTS, st.none() | COUNTS), max_size=4
    ).map(MappingProxyType),
    latch=st.none() | LATCHES,
    settled=st.booleans(),
)
ATTEMPTS = st.builds(Attempts, TEXTS, st.integers(1, 100), TIMES, st.integers(1, 2**62), COUNTS)
MACHINES = st.just(machine.NONE) | st.builds(Attributes, **dict.fromkeys(Attributes._fields, TEXTS))
RECORDS = st.builds(
    InstanceRecord,
    app_id=NAMES,
    instance_id=TEXTS,
    track=TEXTS,
    version=TEXTS,
    first_seen=TIMES,
    last_seen=TIMES,
    last_refusal=TEXTS,
    attributes=MACHINES,
    alias=TEXTS,
    boot_id=TEXTS,
    attempts=st.lists(ATTEMPTS, max_size=3).map(tuple),
)
GRANTS = st.builds(
    Grant,
    app_id=NAMES,
    track=TEXTS,
    number=st.integers(1, 2**62),
    sequence=st.integers(1, 2**62),
    version=TEXTS,
    instance_id=TEXTS,
    state=st.sampled_from(GrantState),
    granted_at=TIMES,
    moved_at=TIMES,
    deadline=TIMES,
    boot_id=TEXTS,
    error_code=st.none() | st.integers(-(2**53), 2**53),
    detail=TEXTS,
    wave=NAMES | st.just(""),
    epoch=COUNTS,
    established=st.booleans(),
)


@st.composite
def instances(draw):
    grant = draw(st.none() | GRANTS)
    state = IDLE if grant is None else grant.state.value
    return InstanceRow(draw(RECORDS), draw(NAMES), 7, state, grant)


@given(COURSES)
def test_a_course_is_read_back_from_its_column(course):
    assert courses.from_text(courses.to_text(course)) == course


@given(ROLLOUTS)
def test_a_rollout_is_read_back_from_its_row(rollout):
    assert courses.to_record(courses.from_record(rollout)) == rollout


@given(PROGRESSES)
def test_counts_are_read_back_as_they_were_published(progress):
    assert log_entries.to_counts(json.loads(json.dumps(log_entries.from_counts(progress)))) == progress


@given(PROGRESSES, TIMES, st.booleans())
def test_a_change_of_counts_goes_through_the_log_unchanged(progress, first_published, new):
    change = ProgressChange(7, ProgressRow(progress, 7, first_published), new)

    assert log_entries.to_change(7, Kind.PROGRESS, log_entries.from_progress(change), ()) == change


@given(instances(), st.none() | st.builds(Selectable, TEXTS, TEXTS, TEXTS, MACHINES), st.booleans())
def test_a_change_of_an_instance_goes_through_the_log_unchanged(row, before, as_it_is):
    before = row.selectable if as_it_is else before
    content = log_entries.from_instance(row, before)

    assert log_entries.to_change(7, Kind.INSTANCE, content, ()) == InstanceChange(7, row, before)
