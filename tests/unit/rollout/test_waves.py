"""Whom a wave or a growing share lets in: the same for all who ask, exact to the last part per million, and never narrower later."""

import random
from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.fleet_values import NOW
from update_core.fleet.attributes import NONE, Attributes
from update_core.rollout import cohort, waves
from update_core.rollout.cohort import PPM_OF_ALL
from update_core.rollout.waves import Asking, Linear, Requirement

MICROSECOND = timedelta(microseconds=1)
SHARES = st.integers(0, PPM_OF_ALL)
LINEARS = st.builds(Linear, SHARES, st.integers(1, 366 * 86400))
STANDING = st.integers(0, 10**12).map(lambda count: count * MICROSECOND)
PASSED = st.integers(-(10**12), 5 * 10**13).map(lambda count: count * MICROSECOND)
IDS = st.text(min_size=1, max_size=40)


@pytest.mark.parametrize("percent", ["0.1", "1", "12.5", "50", "99"])
def test_a_wave_holds_its_share_of_a_hundred_thousand_instances_within_four_sigma(percent):
    ppm, count = cohort.ppm(percent), 100_000
    share, drawn = ppm / PPM_OF_ALL, random.Random(percent)
    inside = sum(waves.includes(ppm, "salt", f"{drawn.getrandbits(128):032x}") for _ in range(count))

    assert abs(inside - count * share) <= 4 * (count * share * (1 - share)) ** 0.5


@given(SHARES, SHARES, IDS)
def test_a_higher_percentage_lets_in_all_whom_a_lower_one_did(one, other, instance_id):
    low, high = sorted((one, other))

    assert waves.includes(high, "salt", instance_id) or not waves.includes(low, "salt", instance_id)


def test_who_cant_be_told_from_others_comes_in_with_everybody_alone():
    assert waves.includes(PPM_OF_ALL, "salt", None)
    assert not waves.includes(PPM_OF_ALL - 1, "salt", None)


# The share that grows


@given(LINEARS, STANDING, PASSED)
def test_the_growing_share_is_the_exact_fraction_rounded_down(linear, stood, passed):
    now = NOW + passed
    moving = max(Fraction((passed - stood) // MICROSECOND, linear.duration_seconds * 10**6), Fraction(0))
    exact = min(linear.start_ppm + (PPM_OF_ALL - linear.start_ppm) * moving, Fraction(PPM_OF_ALL))

    assert waves.ppm_at(linear, NOW, stood, now) == exact // 1


@given(LINEARS, STANDING, PASSED, PASSED)
def test_the_growing_share_never_falls_from_its_start_to_everybody(linear, stood, one, other):
    earlier, after = (waves.ppm_at(linear, NOW, stood, NOW + passed) for passed in sorted((one, other)))

    assert linear.start_ppm <= earlier <= after <= PPM_OF_ALL


@given(LINEARS, STANDING, IDS)
def test_an_instance_comes_in_at_the_very_microsecond_that_it_is_told(linear, stood, instance_id):
    at = waves.reached_at(linear, NOW, stood, "salt", instance_id)

    assert waves.includes(waves.ppm_at(linear, NOW, stood, at), "salt", instance_id)
    if not waves.includes(linear.start_ppm, "salt", instance_id):
        assert not waves.includes(waves.ppm_at(linear, NOW, stood, at - MICROSECOND), "salt", instance_id)
    assert at <= NOW + stood + timedelta(seconds=linear.duration_seconds)


def test_who_is_in_the_share_of_the_start_comes_in_as_the_rollout_begins():
    assert waves.reached_at(Linear(PPM_OF_ALL, 60), NOW, timedelta(0), "salt", "one") == NOW


# Matching

MACHINE = Attributes(oem="ami", board="amd64-usr")


@pytest.mark.parametrize(
    ("match", "matches"),
    [
        pytest.param((), True, id="everybody"),
        pytest.param((Requirement("oem", frozenset({"ami", "azure"})),), True, id="one of the values"),
        pytest.param((Requirement("oem", frozenset({"azure"})),), False, id="none of the values"),
        pytest.param((Requirement("oem", frozenset({"AMI"})),), False, id="byte for byte"),
        pytest.param((Requirement("oem", frozenset({"azure"}), negated=True),), True, id="not one of them"),
        pytest.param((Requirement("oem", frozenset({"ami"}), negated=True),), False, id="but it is one of them"),
        pytest.param((Requirement("lang", frozenset({"de"}), negated=True),), True, id="nothing reported isn't one"),
        pytest.param((Requirement("lang", frozenset({"de"})),), False, id="nothing reported is none"),
        pytest.param((Requirement("arch", frozenset({"amd64"})),), True, id="architecture"),
        pytest.param((Requirement("version", frozenset({"1.0.0"})),), True, id="version that it runs"),
        pytest.param(
            (Requirement("oem", frozenset({"ami"})), Requirement("arch", frozenset({"arm64"}))),
            False,
            id="all have to hold",
        ),
    ],
)
def test_a_wave_is_for_those_for_whom_all_of_its_requirements_hold(match, matches):
    assert waves.matches(match, Asking("one", MACHINE, "amd64", "1.0.0")) is matches


@given(
    st.sampled_from(["oem", "board", "lang", "arch", "version"]), st.frozensets(st.sampled_from(["", "ami", "amd64"]))
)
def test_not_in_is_the_opposite_of_in(attribute, values):
    asking = (NONE, "amd64", "1.0.0")

    assert Requirement(attribute, values).holds(*asking) is not Requirement(attribute, values, negated=True).holds(
        *asking
    )
