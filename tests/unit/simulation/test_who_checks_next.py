"""Who checks next is who would be found by asking each of them."""

from hypothesis import given
from hypothesis import strategies as st

from support.simulated_groups import assumed
from update_core.simulation.polls import Polls
from update_core.simulation.waiting import Waiting


@given(
    jitter=st.sampled_from([0, 7, 10, 50]),
    shares=st.lists(st.floats(0, 0.999999), min_size=1, max_size=40),
    gone=st.sets(st.integers(0, 39)),
    now=st.integers(0, 10_000_000_000),
)
def test_first_of_those_that_wait_is_the_one_with_the_earliest_check(jitter, shares, gone, now):
    polls = Polls(assumed(jitter_percent=jitter))
    places = {number: int(share * polls.places) for number, share in enumerate(shares)}
    waiting = Waiting(polls, 1000)
    for instance, place in places.items():
        waiting.add(instance, place)
    for instance in gone & set(places):
        waiting.remove(instance, places.pop(instance))

    assert waiting.first(now) == min(
        ((polls.next(place, now), number) for number, place in places.items()), default=None
    )
    assert sorted(waiting.instances()) == sorted(places)


@given(jitter=st.sampled_from([0, 10, 25]), share=st.floats(0, 0.999999), cycle=st.integers(0, 5000))
def test_checks_are_an_interval_apart_give_or_take_the_jitter(jitter, share, cycle):
    polls = Polls(assumed(jitter_percent=jitter))
    place = int(share * polls.places)

    gap = polls.at(place, cycle + 1) - polls.at(place, cycle)

    assert abs(gap - polls.interval) <= polls.interval * jitter // 100


@given(share=st.floats(0, 0.999999), now=st.integers(0, 10_000_000_000))
def test_last_check_lies_before_and_next_not(share, now):
    polls = Polls(assumed())
    place = int(share * polls.places)

    assert polls.last(place, now) < now <= polls.next(place, now)
    assert polls.next(place, polls.last(place, now) + 1) == polls.next(place, now)
