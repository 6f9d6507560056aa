"""How often did an instance fail on its way to a version? Counted from what becomes of its grants, whether or not it is established.

A failure raises the count of the grant's version, reaching the version ends it, also where the clock had called it a failure before. What
merely ended (Lapsed, Released, Superseded, Moved, Forgotten) says nothing. `rollout.admission` reads what is counted here.
"""

from collections.abc import Iterable

from update_core import versions
from update_core.fleet.grants import FAILURES, Grant, GrantState
from update_core.fleet.store import MAX_VERSIONS_FAILED
from update_core.rollout.model import Attempts


def after(attempts: tuple[Attempts, ...], moved: Iterable[Grant]) -> tuple[Attempts, ...]:
    """The instance's failures after its grants moved, in order; each version once, the one that failed last at the end."""
    for grant in moved:
        if grant.state in FAILURES:
            attempts = _failed(attempts, grant)
        elif grant.state is GrantState.COMPLETE:
            attempts = _others(attempts, grant)
    return attempts


def _failed(attempts: tuple[Attempts, ...], grant: Grant) -> tuple[Attempts, ...]:
    before = next((each for each in attempts if versions.same(each.version, grant.version)), None)
    # A resume begins the count of its own rollout anew.
    resumed = before is not None and before.sequence == grant.sequence and before.epoch < grant.epoch
    failures = 1 if before is None or resumed else before.failures + 1
    latest = Attempts(grant.version, failures, grant.moved_at, grant.sequence, grant.epoch)
    return (*_others(attempts, grant), latest)[-MAX_VERSIONS_FAILED:]


def _others(attempts: tuple[Attempts, ...], grant: Grant) -> tuple[Attempts, ...]:
    return tuple(each for each in attempts if not versions.same(each.version, grant.version))
