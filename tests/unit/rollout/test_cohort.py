"""The order in which a percentage takes instances in: the same in every language, and none that was in is ever out again."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from update_core.rollout import cohort

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "cohort.json").read_text(encoding="utf-8"))

SALTS = st.text("0123456789abcdef._-XYZ", min_size=1, max_size=64)
IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64)
PPM = st.integers(0, cohort.PPM_OF_ALL)


@pytest.mark.parametrize(
    "vector", VECTORS["places"], ids=lambda vector: f"{vector['salt'][:8]} {vector['instance_id'][:12]}"
)
def test_a_place_is_as_in_the_vectors(vector):
    place = (vector["salt"], vector["instance_id"])

    assert f"{cohort.position(*place):016x}" == vector["position"]
    assert cohort.includes(vector["first_ppm"], *place)
    assert not cohort.includes(vector["first_ppm"] - 1, *place)


@pytest.mark.parametrize("vector", VECTORS["percents"], ids=lambda vector: repr(vector["percent"]))
def test_a_percentage_is_as_in_the_vectors(vector):
    assert cohort.ppm(vector["percent"]) == vector["ppm"]


@pytest.mark.parametrize("percent", VECTORS["refused"], ids=repr)
def test_what_is_no_percentage_is_refused(percent):
    with pytest.raises(ValueError, match="percent"):
        cohort.ppm(percent)


@given(st.integers(0, cohort.PPM_OF_ALL))
def test_every_part_per_million_can_be_written(parts):
    assert cohort.ppm(f"{parts // 10_000}.{parts % 10_000:04}") == parts


@given(SALTS, IDS)
def test_nobody_is_in_nothing_and_everybody_in_all(salt, instance_id):
    assert not cohort.includes(0, salt, instance_id)
    assert cohort.includes(cohort.PPM_OF_ALL, salt, instance_id)


@given(SALTS, IDS, PPM, PPM)
def test_a_higher_percentage_takes_in_all_that_a_lower_one_did(salt, instance_id, one, other):
    lower, higher = sorted((one, other))

    assert cohort.includes(higher, salt, instance_id) >= cohort.includes(lower, salt, instance_id)


def test_a_percentage_takes_about_that_many_and_others_in_the_next_rollout():
    machines = [f"{{fake-client-{number:05}}}" for number in range(10_000)]
    tenth = cohort.ppm(10)
    now, next_time = ({m for m in machines if cohort.includes(tenth, salt, m)} for salt in ("5a17", "5a18"))

    assert abs(len(now) - 1000) < 100
    assert abs(len(next_time) - 1000) < 100
    assert len(now & next_time) < 200
