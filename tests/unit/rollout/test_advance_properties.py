"""What holds of a rollout whatever happens to it: pauses, halts, resumes, edits of the plan, at any microsecond."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from support.fleet_values import NEW, NOW
from support.rollout_values import PLAN, STAMP, latch
from update_core.rollout import advance
from update_core.rollout.advance import Facts, Happening, WaveCounts
from update_core.rollout.cohort import PPM_OF_ALL
from update_core.rollout.plan import Approval, Course, Plan, Resume
from update_core.rollout.waves import LAST, Wave

NAMES = ["a", "b", "c"]
COUNTS = st.builds(
    WaveCounts,
    succeeded=st.integers(0, 6),
    failed=st.integers(0, 6),
    waiting=st.sampled_from([0, 5, 50]),
    ahead=st.sampled_from([None, 0, 5, 50]),
)
WAVES = st.builds(
    Wave,
    st.sampled_from(NAMES),
    ppm=st.integers(1, PPM_OF_ALL),
    settle_percent=st.sampled_from([0, 90, 100]),
    bake_seconds=st.sampled_from([0, 1, 7]),
    approval_required=st.booleans(),
)
PLANS = st.builds(
    Plan,
    waves=st.lists(WAVES, max_size=3, unique_by=lambda wave: wave.name).map(lambda planned: (*planned, LAST)),
    approval=st.none() | st.builds(Approval, st.just(NEW), st.sampled_from([*NAMES, "everybody"]), st.booleans()),
    resume=st.none() | st.builds(Resume, st.just(1), st.integers(1, 3)),
    problem=st.sampled_from(["", "", "", "it can't be read"]),
)


@dataclass(frozen=True)
class Step:
    """After so long the operator looks again, at a plan and at counts that may be others."""

    microseconds: int
    stopped: bool
    fresh: bool
    waves: dict[str, WaveCounts]
    latched: bool
    plan: Plan | None = None


STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from([1, 999_999]) | st.integers(1, 12_000_000),
        st.booleans(),
        st.sampled_from([True, True, True, False]),
        st.dictionaries(st.sampled_from([*NAMES, "everybody"]), COUNTS),
        st.sampled_from([False, False, False, True]),
        st.none() | PLANS,
    ),
    max_size=12,
)


@dataclass
class Life:
    """A rollout, step by step, with a clock that runs only while nothing stands still."""

    plan: Plan
    course: Course = field(default_factory=lambda: Course(opened=(), dependencies_met_at=NOW))
    now: datetime = NOW
    moved: timedelta = timedelta(0)
    standing: bool = False

    def step(self, step: Step) -> advance.Advanced:
        """What the operator finds at the next look."""
        passed = timedelta(microseconds=step.microseconds)
        self.now += passed
        self.moved += timedelta(0) if self.standing else passed
        self.plan = step.plan or self.plan
        self.facts = Facts(
            fresh=step.fresh,
            waves=step.waves,
            stopped=step.stopped,
            latch=latch(epoch=self.course.epoch, at=self.now) if step.latched else None,
        )
        after = advance.advance(self.plan, STAMP, self.course, self.facts, self.now)
        self.standing = step.stopped or after.course.halted is not None
        return after


@given(PLANS, STEPS)
def test_what_is_open_never_narrows(plan, steps):
    life = Life(plan)
    for step in steps:
        after = life.step(step)
        before = [(wave.name, wave.ppm, wave.instances, wave.match, wave.opened_at) for wave in life.course.opened]
        now = [(wave.name, wave.ppm, wave.instances, wave.match, wave.opened_at) for wave in after.course.opened]

        assert now[: len(before)] == before
        assert len({name for name, *_ in now}) == len(now)
        life.course = after.course


@given(PLANS, STEPS)
def test_looking_twice_at_the_same_moment_changes_nothing_more(plan, steps):
    life = Life(plan)
    for step in steps:
        after = life.step(step)
        again = advance.advance(life.plan, STAMP, after.course, life.facts, life.now)

        assert (again.course, again.happened) == (after.course, ())
        assert (again.wait, again.again_at) == (after.wait, after.again_at)
        life.course = after.course


@given(PLANS, STEPS)
def test_nothing_opens_settles_or_goes_on_while_it_stands_still_or_nothing_is_known(plan, steps):
    life = Life(plan)
    for step in steps:
        after = life.step(step)
        opens = len(after.course.opened) > len(life.course.opened)

        if life.standing or not step.fresh or life.plan.problem:
            assert not opens
        if not step.fresh or life.plan.problem or after.course.halted is not None:
            assert {happened.what for happened in after.happened} <= {Happening.HALTED, Happening.RESUMED}
        life.course = after.course


@given(st.lists(WAVES, min_size=1, max_size=3, unique_by=lambda wave: wave.name), STEPS)
def test_a_bake_is_never_shorter_than_its_seconds_of_time_in_which_nothing_stood_still(planned, steps):
    life = Life(Plan(waves=(*(replace(wave, approval_required=False) for wave in planned), LAST), resume=Resume(1)))
    baking_since: dict[str, timedelta] = {}
    for step in steps:
        after = life.step(replace(step, plan=None))
        for number, wave in enumerate(after.course.opened):
            if number >= len(life.course.opened) and number > 0:
                before = after.course.opened[number - 1]
                baked = life.moved - baking_since[before.name]
                assert baked >= timedelta(seconds=life.plan.waves[life.plan.index(before.name)].bake_seconds)
            if wave.settled_at is not None or not wave.expected:
                baking_since.setdefault(wave.name, life.moved)
        life.course = after.course


@given(st.lists(st.tuples(st.integers(1, 5_000_000), st.booleans()), max_size=20), st.integers(0, 9))
def test_a_bake_lasts_at_most_a_second_longer_for_each_time_that_it_stood_still(pauses, bake_seconds):
    life, times = Life(replace(PLAN, waves=(replace(PLAN.waves[0], bake_seconds=bake_seconds), LAST))), 0
    nobody = {"canary": WaveCounts(ahead=0)}

    def look(microseconds: int, *, stopped: bool) -> None:
        life.course = life.step(Step(microseconds, stopped, fresh=True, waves=nobody, latched=False)).course

    look(1, stopped=False)
    for microseconds, stopped in pauses:
        times += stopped and not life.standing
        look(microseconds, stopped=stopped)
    look(1, stopped=False)
    look((bake_seconds + times) * 1_000_000, stopped=False)

    assert [wave.name for wave in life.course.opened] == ["canary", "everybody"]
