"""Waves, lengths and groups that go first as typed → fields of a Group's spec, and back."""

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from updatectl import dependencies, durations, rollout_options, spec_fields, waves
from updatectl.dependencies import Dependency
from updatectl.rollout_options import RolloutChange, RolloutOptions


@pytest.mark.parametrize(
    ("text", "wave"),
    [
        pytest.param("canary:20i", {"name": "canary", "instances": 20}, id="instances"),
        pytest.param("canary:instances=20", {"name": "canary", "instances": 20}, id="instances in a word"),
        pytest.param("early:5%", {"name": "early", "percent": 5}, id="percent"),
        pytest.param("early:5", {"name": "early", "percent": 5}, id="percent without its sign"),
        pytest.param("early: 0.5 %", {"name": "early", "percent": "0.5"}, id="decimals and spaces"),
        pytest.param("early:percent=5", {"name": "early", "percent": 5}, id="percent in a word"),
        pytest.param(
            "early:5%,bake=1h30m,settle=80%,approval",
            {"name": "early", "percent": 5, "bakeSeconds": 5400, "settlePercent": 80, "approval": "Required"},
            id="all else",
        ),
        pytest.param("early:bake=90,5", {"name": "early", "bakeSeconds": 90, "percent": 5}, id="another order"),
        pytest.param(
            "arm:100,match=arch:arm64,match=oem!:ami|gce",
            {
                "name": "arm",
                "percent": 100,
                "match": [
                    {"attribute": "arch", "operator": "In", "values": ["arm64"]},
                    {"attribute": "oem", "operator": "NotIn", "values": ["ami", "gce"]},
                ],
            },
            id="matches",
        ),
        pytest.param(
            "old:1,match=version:1.0.0:b",
            {"name": "old", "percent": 1, "match": [{"attribute": "version", "operator": "In", "values": ["1.0.0:b"]}]},
            id="a colon in a value",
        ),
    ],
)
def test_a_wave_is_typed_as_its_name_its_share_and_the_rest(text, wave):
    assert waves.parse(text) == wave


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("canary", "'canary' has no name with a ':' behind it; write a name, a share", id="no-share"),
        pytest.param(":5%", "has no name", id="no-name"),
        pytest.param("early:", "something is missing beside a ',' or ':' of wave 'early'", id="nothing-behind"),
        pytest.param("early:5%,", "something is missing", id="trailing-comma"),
        pytest.param("early:bake=1h", "wave 'early' has no share", id="only-a-bake"),
        pytest.param("early:5%,20i", "a percentage and a number of instances", id="both"),
        pytest.param("early:5%,6%", "says twice what its percentage is", id="twice"),
        pytest.param("early:5%,approval,approval", "says twice what it needs", id="approved-twice"),
        pytest.param("early:0i", "'0' is no number of instances", id="nobody"),
        pytest.param("early:101%", "more than 100 percent", id="more-than-all"),
        pytest.param("early:0.00001", "at most four decimals", id="too-fine"),
        pytest.param("early:5%,bake=soon", "'soon' is no length such as 90s", id="length"),
        pytest.param("early:5%,settle=101", "settle=101 is no whole percentage", id="settle"),
        pytest.param("early:5%,bakes=1h", "'bakes=1h' is nothing that can be said of a wave", id="unknown"),
        pytest.param("early:5%,match=board", "match=board is no attribute with its values", id="no-value"),
        pytest.param("early:5%,match=board:a||b", "no attribute with its values", id="empty-value"),
        pytest.param(
            "early:5%,match=colour:red", "'colour' is no attribute of a machine: they are oem,", id="attribute"
        ),
    ],
)
def test_what_is_no_wave_is_refused_with_the_form(text, says):
    with pytest.raises(typer.BadParameter) as refused:
        waves.parse(text)

    assert says in refused.value.message


def test_two_waves_of_one_name_are_refused():
    with pytest.raises(typer.BadParameter, match="two waves are called 'a'"):
        waves.parse_all(("a:1", "b:2", "a:3"))


VALUES = st.text(st.characters(codec="ascii", categories=("L", "N"), include_characters="-._:"), min_size=1)
REQUIREMENTS = st.fixed_dictionaries(
    {
        "attribute": st.sampled_from(["board", "oem", "version", "arch"]),
        "operator": st.sampled_from(["In", "NotIn"]),
        "values": st.lists(VALUES, min_size=1, max_size=3),
    }
)
SHARES = st.one_of(
    st.integers(1, 10**6).map(lambda n: {"instances": n}),
    st.integers(0, 100).map(lambda n: {"percent": n}),
    st.sampled_from(["0.1", "2.5", "99.9999"]).map(lambda text: {"percent": text}),
)
REST = st.fixed_dictionaries(
    {"name": st.sampled_from(["canary", "wave-2"])},
    optional={
        "bakeSeconds": st.integers(1, 10**7),
        "settlePercent": st.integers(0, 89),
        "approval": st.just("Required"),
        "match": st.lists(REQUIREMENTS, min_size=1, max_size=3),
    },
)


@given(share=SHARES, rest=REST)
def test_what_is_shown_of_a_wave_can_be_typed_again(share, rest):
    assert waves.parse(waves.text(share | rest)) == share | rest


@given(st.integers(1, 10**8))
def test_what_is_shown_of_a_length_can_be_typed_again(seconds):
    assert durations.option(durations.text(seconds), "--min-age") == seconds


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), ("90", 90), ("90s", 90), ("30m", 1800), ("1h30m", 5400), (" 2d ", 172800)]
)
def test_a_length_has_units_or_is_in_seconds(text, seconds):
    assert durations.option(text, "--min-age") == seconds


@pytest.mark.parametrize("text", ["", "soon", "1.5h", "-1", "5m3h", "h"])
def test_what_is_no_length_is_refused(text):
    with pytest.raises(typer.BadParameter, match="no length such as"):
        durations.option(text, "--min-age")


@pytest.mark.parametrize(
    ("text", "dependency"),
    [
        pytest.param("fra", Dependency("fra"), id="group"),
        pytest.param("fra:90", Dependency("fra", 90), id="percent"),
        pytest.param("fra:99.5%:2h", Dependency("fra", "99.5", 7200), id="soak"),
        pytest.param("eu:fra", Dependency("eu:fra"), id="a colon in its id"),
        pytest.param("eu:fra:50:10m", Dependency("eu:fra", 50, 600), id="a colon and all"),
    ],
)
def test_a_group_that_goes_first_is_typed_with_how_far_and_for_how_long(text, dependency):
    assert dependencies.parse(text) == dependency


def test_what_is_shown_of_a_group_that_goes_first_can_be_typed_again():
    shown = dependencies.text({"groupRef": {"name": "web-fra"}, "minPercent": 100, "soakSeconds": 3600})

    assert shown == "web-fra:100:1h"
    assert dependencies.parse(shown) == Dependency("web-fra", 100, 3600)


HALTING = {"spec": {"rollout": {"haltOn": {"failurePercent": 5, "consecutiveFailures": 3, "minSamples": 20}}}}


@pytest.mark.parametrize(
    ("options", "existing", "changes"),
    [
        pytest.param(RolloutOptions(), HALTING, {}, id="nothing"),
        pytest.param(RolloutOptions(halt_on_failures="5 %"), None, None, id="no-percentage"),
        pytest.param(
            RolloutOptions(halt_on_failures="5%", min_samples=30),
            None,
            {"rollout.haltOn.failurePercent": 5, "rollout.haltOn.minSamples": 30},
            id="failures",
        ),
        pytest.param(
            RolloutOptions(halt_on_failures="0"), HALTING, {"rollout.haltOn.failurePercent": None}, id="one-bound-away"
        ),
        pytest.param(
            RolloutOptions(halt_on_failures="0", halt_on_consecutive=0),
            HALTING,
            {"rollout.haltOn": None},
            id="both-away",
        ),
        pytest.param(RolloutOptions(min_age="0"), None, {"evidence.minAgeSeconds": 0}, id="no-age-at-all"),
        pytest.param(RolloutOptions(min_age=""), None, {"evidence.minAgeSeconds": None}, id="age-away"),
        pytest.param(
            RolloutOptions(on_halt=rollout_options.OnHalt.ROLLBACK), None, {"rollout.onHalt": "Rollback"}, id="on-halt"
        ),
        pytest.param(RolloutChange(no_waves=True), HALTING, {"rollout.waves": None}, id="waves-away"),
        pytest.param(RolloutChange(no_waves=True, wave=["a:1"]), HALTING, None, id="opposites"),
        pytest.param(RolloutChange(no_halt_on=True, min_samples=3), HALTING, None, id="other-opposites"),
    ],
)
def test_options_change_what_they_say_and_no_more(options, existing, changes):
    """None: they are refused."""
    if changes is not None:
        assert options.changes(existing) == changes
        return
    with pytest.raises(typer.BadParameter):
        options.changes(existing)


def test_fields_further_down_are_set_beside_the_others_and_take_along_what_is_empty():
    spec = {"rollout": {"retry": {"maxAttempts": 3}, "salt": "s"}, "track": "berlin"}

    changed = spec_fields.changed(spec, {"rollout.retry.maxAttempts": None, "rollout.halt": {"version": "1"}})
    assert changed == {"rollout": {"salt": "s", "halt": {"version": "1"}}, "track": "berlin"}
    assert spec["rollout"]["retry"] == {"maxAttempts": 3}
    assert spec_fields.changed(changed, {"rollout.salt": None, "rollout.halt": None}) == {"track": "berlin"}
