"""How a rollout in waves goes on: what opens when, what is told, and what people read meanwhile."""

import dataclasses

import pytest

from support import kinds
from support.group_lives import Life, mirrored
from update_operator.reconcile.outcome import Contact

WAVES = {
    "waves": [
        {"name": "canary", "percent": 10, "bakeSeconds": 60},
        {"name": "half", "percent": 50, "approval": "Required"},
        {"name": "everybody", "percent": 100},
    ]
}
TEN = {"total": 10, "active": 10}


def begun():
    """A rollout in waves whose first wave is open: one instance is expected in it."""
    life = Life(rollout=WAVES)
    life.look()
    life.count(waves={"canary": (10, 0, 0)}, **TEN)
    life.look(1)
    return life


def settled():
    """One whose first wave has settled."""
    life = begun()
    life.count(waves={"canary": (9, 1, 0)}, on_target=1, **TEN)
    life.look(1)
    return life


def approved(life, wave="half", **more):
    return life.look(1, rollout=WAVES | {"approval": {"version": "1.0.0", "wave": wave, **more}})


def test_no_wave_opens_before_the_fleet_is_counted_for_this_rollout():
    life = Life(rollout=WAVES)

    life.look()
    assert life.open == []
    earlier = mirrored(life.rollout)
    life.count(waves={"canary": (10, 0, 0)}, **TEN)
    life.progress = dataclasses.replace(life.progress, rollout=dataclasses.replace(earlier, sequence=0))
    life.look(1)
    assert life.open == []
    assert life.conditions["Progressing"] == "True RollingOut"


def test_the_first_wave_opens_with_how_many_it_is_to_move():
    life = begun()

    (wave,) = life.rollout.open
    assert (wave.name, wave.threshold, wave.expected, wave.opened_time) == ("canary", 100_000, 1, kinds.later(1))
    assert life.reasons == ["WaveOpened"]
    assert "wave canary is open, and has yet to settle" in life.message("Progressing")
    assert life.blockers == {}


def test_a_settled_wave_is_watched_before_anything_else():
    life = settled()

    assert life.rollout.open[0].settled_time == kinds.later(2)
    assert life.reasons == ["WaveSettled"]
    assert life.conditions["Progressing"] == "True Baking"
    assert life.blockers == {
        "Baking": "Nothing new is let in: wave canary has settled and is watched for 60 seconds, until 2026-01-01T00:01:02Z."
    }
    assert life.again_at == kinds.later(62)


def test_a_bake_ends_at_its_time_and_not_before():
    life = settled()

    assert life.look(59.9).rollout.open[0].name == "canary"
    assert life.conditions["Progressing"] == "True Baking"
    life.look(0.1)
    assert life.conditions["Progressing"] == "False AwaitingApproval"


def test_a_moment_between_two_seconds_makes_no_bake_shorter():
    life = begun()
    life.count(waves={"canary": (9, 1, 0)}, **TEN)

    life.look(1.5)
    assert life.rollout.open[0].settled_time == kinds.later(3)
    life.look(60.4)
    assert life.conditions["Progressing"] == "True Baking"
    life.look(0.1)
    assert life.conditions["Progressing"] == "False AwaitingApproval"


def test_who_has_to_approve_is_told_how():
    life = settled()
    life.look(60)

    assert life.open == ["canary"]
    assert life.blockers == {
        "AwaitingApproval": "Wave half waits for somebody to approve it. `updatectl group approve prod` does."
    }


def test_an_approval_opens_the_wave_and_the_rest_follows():
    life = settled()
    life.look(60)
    life.count(waves={"half": (9, 0, 0), "canary": (9, 1, 0)}, on_target=1, **TEN)
    approved(life)
    assert life.open == ["canary", "half"]
    assert life.rollout.open[1].expected == 4

    life.count(waves={"half": (5, 4, 0), "everybody": (5, 0, 0)}, on_target=5, **TEN)
    life.look(1)
    assert life.open == ["canary", "half", "everybody"]
    assert life.reasons == ["WaveSettled", "WaveOpened"]
    life.count(on_target=10, **TEN)
    life.look(1)
    assert life.conditions["RolloutComplete"] == "True RolloutCompleted"
    assert life.reasons == ["RolloutCompleted"]
    assert life.history == [(1, "1.0.0", "Promoted")]


def test_an_approval_of_another_version_opens_nothing():
    life = settled()
    life.look(60)

    life.look(1, rollout=WAVES | {"approval": {"version": "2.0.0", "wave": "half"}})

    assert life.open == ["canary"]


def test_an_approval_that_skips_the_bake_opens_the_wave_at_once():
    life = begun()
    life.count(waves={"canary": (10, 0, 0), "half": (10, 0, 0)}, **TEN)

    approved(life, bake="Skip")

    assert life.open == ["canary", "half"]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"paused": True}, id="paused"),
        pytest.param(
            {"freezes": [{"start": kinds.BIRTH.isoformat(), "end": kinds.later(32).isoformat()}]}, id="frozen"
        ),
        pytest.param({"rollout": WAVES | {"halt": {"version": "1.0.0", "reason": "a look"}}}, id="halted by a person"),
    ],
)
def test_a_bake_stands_still_while_the_group_does(changes):
    life = settled()

    life.look(10, **changes)
    assert life.rollout.stopped_since == kinds.later(12)
    life.look(20, paused=False, freezes=[], rollout=WAVES)
    assert life.rollout.stopped_seconds == 20
    life.look(49)
    assert life.conditions["Progressing"] == "True Baking"
    life.look(1)
    assert life.conditions["Progressing"] == "False AwaitingApproval"


UNKNOWN = [
    pytest.param({"contact": Contact.AWAY}, id="the fleet API is away"),
    pytest.param({"settled": False}, id="nobody knows who is active"),
    pytest.param({"spec": {"rollout": {"waves": [{"name": "one"}]}}}, id="waves that can't be read"),
    pytest.param({"rivals": (kinds.group(name="a"),)}, id="the track is another group's"),
]


def look_without_knowing(life, unknown):
    """A look after ten minutes at what was counted, while something says that nothing may be concluded from it."""
    life.progress = dataclasses.replace(life.progress, settled=unknown.get("settled", True))
    life.contact = unknown.get("contact", Contact.ANSWERING)
    life.surroundings["rivals"] = unknown.get("rivals", ())
    life.look(600, **unknown.get("spec", {}))


@pytest.mark.parametrize("unknown", UNKNOWN)
def test_no_wave_opens_while_nothing_is_known_for_sure(unknown):
    life = settled()
    life.spec["rollout"] = {"waves": WAVES["waves"][:1]}

    look_without_knowing(life, unknown)
    assert life.open == ["canary"]
    look_without_knowing(life, {"spec": {"rollout": {"waves": WAVES["waves"][:1]}}})
    assert life.open == ["canary", "everybody"]


@pytest.mark.parametrize("unknown", UNKNOWN)
def test_nothing_is_complete_while_nothing_is_known_for_sure(unknown):
    life = Life()
    life.look()
    life.count(on_target=10, **TEN)

    look_without_knowing(life, unknown)
    assert life.rollout.completed_time is None
    look_without_knowing(life, {"spec": {"rollout": {}}})
    assert life.rollout.completed_time is not None


def test_waves_that_are_written_after_the_end_open_nothing_any_more():
    life = Life()
    life.complete("1.0.0")
    life.spec["rollout"] = {"waves": [{"name": "one", "percent": 1}, {"name": "all", "percent": 100}]}
    life.count(waves={"one": (1, 0, 0)}, on_target=9, **TEN)

    life.look(1)

    assert (life.open, life.reasons) == (["everybody"], [])


def test_a_bake_stands_still_while_the_channel_names_what_has_no_package():
    life = settled()
    life.packages["2.0.0"] = ()

    life.wanted = "2.0.0"
    life.look(10)
    life.wanted = "1.0.0"
    life.look(50)
    assert life.rollout.stopped_seconds == 50
    life.look(49)
    assert life.conditions["Progressing"] == "True Baking"
    life.look(1)
    assert life.conditions["Progressing"] == "False AwaitingApproval"


@pytest.mark.parametrize("settled_after", [True, False], ids=["away", "just back"])
def test_what_is_waited_for_is_still_told_while_nothing_is_known_for_sure(settled_after):
    life = settled()
    life.look(60)
    before = life.blockers
    life.count(waves={"canary": (9, 1, 0)}, on_target=1, settled=settled_after, **TEN)
    life.contact = Contact.AWAY if settled_after else Contact.ANSWERING

    life.look(60)

    assert life.blockers == before
    assert life.conditions["Progressing"] == "False AwaitingApproval"


def test_that_no_further_wave_opens_without_the_fleet_api_is_said_of_those_that_have_one():
    life, simple = begun(), Life()
    simple.look()
    for each in (life, simple):
        each.count(waves={"canary": (9, 1, 0)}, on_target=1, **TEN)
        each.contact = Contact.AWAY
        each.look(1)

    assert life.conditions["Progressing"] == "False FleetUnavailable"
    assert life.reasons == ["FleetUnavailable"]
    assert simple.conditions["Progressing"] == "True RollingOut"


def test_a_plan_that_cannot_be_read_begins_nothing_and_says_which_field_it_is():
    life = Life(rollout={"waves": [{"name": "one", "percent": 50}, {"name": "two", "percent": 10}]})

    life.look()

    assert life.conditions["Ready"] == "False InvalidSpec"
    assert "spec.rollout.waves[1].percent is below that of a wave before it" in life.message("Ready")
    assert "InvalidSpec" in life.blockers
    assert life.status.rollout is None


def test_a_wave_with_nobody_in_it_is_told():
    life = Life(rollout=WAVES)
    life.look()
    life.count(waves={}, total=1, active=1)

    life.look(1)

    assert life.reasons == ["WaveOpened", "WaveEmpty"]
    assert life.conditions["Progressing"] == "True Baking"


def test_what_is_open_stays_when_the_plan_is_edited():
    life = settled()

    life.look(1, rollout={"waves": [{"name": "canary", "percent": 1}, {"name": "everybody", "percent": 100}]})

    assert life.rollout.open[0].threshold == 100_000


def test_a_wave_that_was_just_written_does_not_open_before_it_has_been_counted():
    life = settled()
    new = {"waves": [WAVES["waves"][0], {"name": "new", "percent": 20}, {"name": "everybody", "percent": 100}]}

    life.look(60, rollout=new)
    assert life.open == ["canary"]
    life.count(waves={"canary": (9, 1, 0), "new": (9, 0, 0)}, on_target=1, **TEN)
    life.look(1)
    assert life.open == ["canary", "new"]


def test_a_wave_opens_once_those_whom_it_lets_in_have_been_counted():
    life = settled()
    life.look(60)
    uncounted = dataclasses.replace(life.progress.waves["half"], waiting=9, ahead=None)
    life.progress = dataclasses.replace(life.progress, waves=dict(life.progress.waves) | {"half": uncounted})

    approved(life)
    assert (life.open, life.reasons, life.blockers) == (["canary"], [], {})
    assert life.conditions["Progressing"] == "True RollingOut"
    life.count(waves={"half": (9, 0, 0), "canary": (9, 1, 0)}, on_target=1, **TEN)
    life.look(1)
    assert life.open == ["canary", "half"]


def test_a_salt_of_the_spec_decides_the_order():
    life = Life(rollout={"salt": "the-same-first"})

    assert life.look().rollout.salt == "the-same-first"


def test_a_new_version_begins_with_the_first_wave_again():
    life = settled()

    life.promote("2.0.0")

    assert (life.rollout.sequence, life.open) == (2, [])
    assert life.history == [(1, "1.0.0", "Superseded")]
    assert life.reasons == ["RolloutSuperseded", "RolloutStarted"]
