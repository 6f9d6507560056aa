"""Outages of the service itself: when there was one, who is active after it, and what times out when."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.fleet_values import NOW
from update_core.fleet import outages
from update_core.fleet.outages import GAP, MAX_OUTAGES, NEVER_BEATEN, Outage, Uptime

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def up(*away: tuple[timedelta, timedelta], beat_at: timedelta = timedelta(0)) -> Uptime:
    """Outages that began and ended so long before NOW."""
    return Uptime(NOW - beat_at, tuple(Outage(NOW - began, NOW - ended) for began, ended in away))


@pytest.mark.parametrize(
    ("silence", "gap"),
    [
        pytest.param(10 * SECOND, False, id="a beat in time"),
        pytest.param(GAP, False, id="as late as it may be"),
        pytest.param(GAP + SECOND, True, id="too late"),
        pytest.param(DAY, True, id="a day later"),
        pytest.param(-DAY, False, id="a clock that was set back"),
    ],
)
def test_a_silence_longer_than_a_gap_is_an_outage(silence, gap):
    after = outages.beat(Uptime(NOW), NOW + silence)

    assert after.beat_at == NOW + silence
    assert after.outages == ((Outage(NOW, NOW + silence),) if gap else ())


def test_before_the_first_beat_nothing_is_known_of_outages():
    assert outages.beat(NEVER_BEATEN, NOW) == Uptime(NOW)
    assert outages.as_of(NEVER_BEATEN, NOW) == NEVER_BEATEN


def test_a_gap_is_an_outage_before_the_next_beat_tells_of_it():
    assert outages.as_of(Uptime(NOW), NOW + HOUR).outages == (Outage(NOW, NOW + HOUR),)


@pytest.mark.parametrize(
    ("uptime", "seconds", "ago"),
    [
        pytest.param(up(), 3600, HOUR, id="never away"),
        pytest.param(up((3 * HOUR, 2 * HOUR)), 3600, HOUR, id="away long before"),
        pytest.param(up((2 * HOUR, HOUR)), 3600, HOUR, id="back just as long as it takes"),
        pytest.param(up((3 * HOUR, HOUR)), 5400, 210 * MINUTE, id="away meanwhile"),
        pytest.param(up((2 * HOUR, timedelta(0))), 3600, 3 * HOUR, id="back just now"),
        pytest.param(up((5 * HOUR, 4 * HOUR), (2 * HOUR, HOUR)), 10800, 4 * HOUR, id="away twice, once long before"),
        pytest.param(up((4 * HOUR, 3 * HOUR), (2 * HOUR, HOUR)), 10800, 5 * HOUR, id="away twice meanwhile"),
        pytest.param(up((-HOUR, -2 * HOUR)), 3600, HOUR, id="away in the future, by a clock that was set back"),
    ],
)
def test_the_time_in_which_the_service_was_away_makes_nobody_inactive(uptime, seconds, ago):
    assert outages.horizon(uptime, NOW, seconds) == NOW - ago


@given(
    st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)), max_size=8),
    st.integers(0, 10**6),
    st.integers(1, 10**7),
)
def test_since_the_horizon_the_service_was_up_for_exactly_that_long(periods, since, seconds):
    ends, found = NOW - since * SECOND, []
    for away, before in periods:
        found.append(Outage(ends - away * SECOND, ends))
        ends -= (away + before) * SECOND
    uptime = Uptime(NOW, tuple(reversed(found)))

    horizon = outages.horizon(uptime, NOW, seconds)

    away = sum((outage.length for outage in uptime.outages if outage.began_at >= horizon), timedelta(0))
    assert NOW - horizon - away == seconds * SECOND
    assert not any(outage.began_at < horizon < outage.ended_at for outage in uptime.outages)


@pytest.mark.parametrize(
    ("uptime", "settled"),
    [
        pytest.param(up(), True, id="never away"),
        pytest.param(up((2 * HOUR, HOUR)), True, id="long enough"),
        pytest.param(up((2 * HOUR, HOUR - SECOND)), False, id="not yet"),
        pytest.param(up((3 * HOUR, 2 * HOUR), (2 * MINUTE, MINUTE)), False, id="away again"),
    ],
)
def test_after_an_outage_it_takes_a_while_until_it_is_known_who_is_active(uptime, settled):
    assert outages.settled(uptime, NOW, 3600) is settled


@pytest.mark.parametrize(
    ("uptime", "since", "before"),
    [
        pytest.param(up((2 * HOUR, MINUTE)), 3 * HOUR, MINUTE, id="as far back as somebody was active when it began"),
        pytest.param(up((5 * HOUR, 3 * HOUR), (150 * MINUTE, MINUTE)), 330 * MINUTE, MINUTE, id="away before it too"),
    ],
)
def test_silent_is_who_was_active_before_an_outage_and_was_heard_last_before_its_end(uptime, since, before):
    assert outages.silent(uptime, NOW, 3600) == (NOW - since, NOW - before)


@pytest.mark.parametrize(
    "uptime",
    [
        pytest.param(up(), id="never away"),
        pytest.param(outages.as_of(Uptime(NOW - HOUR), NOW), id="away still"),
        pytest.param(up((-HOUR, -2 * HOUR)), id="away in the future, by a clock that was set back"),
    ],
)
def test_without_an_outage_that_is_over_nobody_is_silent_because_of_one(uptime):
    assert outages.silent(uptime, NOW, 3600) is None


@pytest.mark.parametrize(
    ("active_seconds", "poll_interval_seconds", "seconds"),
    [
        pytest.param(86400, 300, 600, id="everybody has checked twice"),
        pytest.param(120, 300, 120, id="nobody is active for longer"),
        pytest.param(86400, None, 5400, id="instances that keep their own interval"),
    ],
)
def test_that_while_is_two_checks_of_everybody(active_seconds, poll_interval_seconds, seconds):
    assert outages.settling_seconds(active_seconds, poll_interval_seconds) == seconds


@pytest.mark.parametrize(
    ("deadline", "seconds", "after"),
    [
        pytest.param(NOW + 2 * HOUR, 600, NOW + 3 * HOUR, id="later by the outage"),
        pytest.param(NOW + MINUTE, 600, NOW + 70 * MINUTE, id="not before everybody had a chance to be heard"),
        pytest.param(NOW + 10 * MINUTE, 600, NOW + 70 * MINUTE, id="both alike"),
    ],
)
def test_a_deadline_moves_by_the_outage(deadline, seconds, after):
    assert outages.moved(deadline, Outage(NOW, NOW + HOUR), seconds) == after


def test_many_outages_are_kept_in_few_and_none_of_their_time_is_lost():
    uptime, now = Uptime(NOW), NOW
    for _ in range(MAX_OUTAGES + 20):
        uptime = outages.beat(outages.beat(uptime, now), now + MINUTE)
        now += HOUR + MINUTE
        uptime = Uptime(now, uptime.outages)

    assert len(uptime.outages) == MAX_OUTAGES
    assert sum((outage.length for outage in uptime.outages), timedelta(0)) == (MAX_OUTAGES + 20) * MINUTE
    assert all(one.ended_at < next_.began_at for one, next_ in zip(uptime.outages, uptime.outages[1:], strict=False))
