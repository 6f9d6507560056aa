"""Leaving out checks changes nothing: the same grants, at the same times, with the same ends, as if every check had been made."""

from hypothesis import HealthCheck, given, settings

from support.properties import examples
from support.simulated_groups import ASSUMPTIONS, GROUPS
from update_core.simulation import run


@settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(group=GROUPS, assumptions=ASSUMPTIONS)
def test_skipped_checks_change_no_grant(group, assumptions):
    each = run.run(group, assumptions, every_check=True, logged=True)
    skipped = run.run(group, assumptions, logged=True)

    assert skipped.log == each.log
    assert skipped.moments == each.moments
    assert (skipped.end, skipped.ended_at, skipped.why) == (each.end, each.ended_at, each.why)
    assert skipped.hours == each.hours
