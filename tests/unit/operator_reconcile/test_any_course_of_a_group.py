"""What holds of a Group's rollouts whatever happens, in whatever order? Each look is a fixed point besides: `Life` sees to that."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from support.group_lives import Life, latched
from support.properties import examples
from update_core.resources.group import GroupStatus
from update_core.resources.rollout_status import MAX_HISTORY
from update_operator.reconcile.outcome import Contact

CANARY = {"name": "canary", "percent": 10, "bakeSeconds": 5}
HALF = {"name": "half", "percent": 50, "approval": "Required"}
PLANS = [
    {},
    {"waves": [CANARY, HALF], "onHalt": "Rollback"},
    {"waves": [CANARY], "onHalt": "Rollback", "completePercent": 50},
    {"waves": [HALF | {"instances": 2, "percent": None}]},
    {"linear": {"durationSeconds": 20}, "onHalt": "Rollback"},
    {"waves": [{"name": "neither"}]},
]
VERSIONS = st.sampled_from(["1.0.0", "2.0.0", "3.0.0"])
COUNTS = st.integers(0, 4)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("promote"), VERSIONS),
        st.tuples(st.just("plan"), st.sampled_from(PLANS)),
        st.tuples(st.just("approve"), st.sampled_from(["Respect", "Skip"])),
        st.tuples(st.just("count"), st.tuples(COUNTS, COUNTS, COUNTS, COUNTS)),
        st.tuples(st.just("fail"), st.none()),
        st.tuples(st.just("resume"), st.none()),
        st.tuples(st.just("pause"), st.booleans()),
        st.tuples(st.just("contact"), st.sampled_from(Contact)),
        st.tuples(st.just("lose"), st.none()),
        st.tuples(st.just("wait"), st.integers(0, 10)),
    ),
    max_size=25,
)


def take(life, step, value):
    """One step; each ends with a look."""
    if life.status.rollout is not None:
        of_the_rollout(life, step, value, life.status.rollout)
    match step:
        case "promote":
            life.wanted = value
        case "plan":
            life.spec["rollout"] = {**value}
        case "pause":
            life.spec["paused"] = value
        case "contact":
            life.contact = value
        case "lose":
            life.status = GroupStatus()
        case _:
            pass
    life.look(value if step == "wait" else 1.25)


def of_the_rollout(life, step, value, rollout):
    """What happens to a rollout that has begun."""
    match step:
        case "approve":
            life.spec["rollout"] |= {"approval": {"version": rollout.version, "wave": "everybody", "bake": value}}
        case "count":
            active, on_target, succeeded, failed = value
            waves = dict.fromkeys(("canary", "half", "everybody"), (active, succeeded, failed))
            life.count(total=active, active=active, on_target=min(on_target, active), waves=waves)
        case "fail":
            life.count(latch=latched(rollout))
        case "resume":
            life.spec["rollout"] |= {"resume": {"sequence": rollout.sequence, "epoch": rollout.epoch + 1}}
        case _:
            pass


@example([("fail", None), ("fail", None), ("resume", None), ("lose", None)])
@given(STEPS)
@settings(max_examples=examples(150), deadline=None)
def test_a_rollout_only_goes_forward(steps):
    life = Life(versionPolicy={"allowDowngrade": True})
    life.complete("1.0.0")
    life.promote("2.0.0", rollout={"onHalt": "Rollback"})
    for step, value in steps:
        before = life.status.rollout
        take(life, step, value)
        after = life.status.rollout
        past = [entry.sequence for entry in life.status.history]
        assert past == sorted(set(past), reverse=True)
        assert len(past) <= MAX_HISTORY
        # What the store had yet to hear of is lost with the status.
        if before is not None and step != "lose":
            assert after.sequence >= before.sequence
            if before.sequence == after.sequence:
                same_rollout(before, after)


def same_rollout(before, after):
    """What never changes under one number, and what never goes back."""
    identity = ("version", "kind", "from_version", "salt", "started_time", "changed_by")
    assert all(getattr(before, name) == getattr(after, name) for name in identity)
    opened = [wave.name for wave in before.open or ()]
    assert [wave.name for wave in after.open or ()][: len(opened)] == opened
    for old, new in zip(before.open or (), after.open or (), strict=False):
        assert (old.threshold, old.cap, old.match, old.opened_time, old.expected) == (
            new.threshold,
            new.cap,
            new.match,
            new.opened_time,
            new.expected,
        )
        assert old.settled_time in (None, new.settled_time)
    assert before.completed_time in (None, after.completed_time)
    assert before.dependencies_met_time in (None, after.dependencies_met_time)
    assert before.epoch <= after.epoch
    assert before.stopped_seconds <= after.stopped_seconds
    if before.halted is not None and after.halted is None:
        assert after.epoch > before.epoch
