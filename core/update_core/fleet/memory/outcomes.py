"""What does an outcome count for? The instance's attempts, and the samples by which its rollout is judged, with it or never."""

from collections import Counter
from datetime import datetime
from itertools import islice

from update_core import versions
from update_core.fleet.grants import FAILURES, Grant, GrantState
from update_core.fleet.memory.rows import GroupRow, Known, Sample
from update_core.fleet.store import MAX_VERSIONS_FAILED
from update_core.rollout import judging
from update_core.rollout.judging import Tally
from update_core.rollout.model import Attempts
from update_core.rollout.plan import Latch

_MOST_ERRORS = 5


def ended(row: GroupRow, known: Known, grant: Grant) -> bool:
    """Count the end of a grant; whether it halted the rollout."""
    if grant.state is GrantState.COMPLETE:
        known.attempts = tuple(each for each in known.attempts if not versions.same(each.version, grant.version))
        return _sampled(row, grant, failed=False)
    if grant.state in FAILURES:
        known.attempts = _failed(known.attempts, grant)
        return _sampled(row, grant, failed=True)
    return False


def forget(row: GroupRow, instance_id: str) -> None:
    """Take the instance's outcome out of the samples."""
    sample = row.samples.pop(instance_id, None)
    if sample is not None:
        row.tallies[sample.wave][sample.failed] -= 1


def _failed(attempts: tuple[Attempts, ...], grant: Grant) -> tuple[Attempts, ...]:
    before = next((each for each in attempts if versions.same(each.version, grant.version)), None)
    others = tuple(each for each in attempts if each is not before)
    resumed = before is not None and before.sequence == grant.sequence and before.epoch < grant.epoch
    failures = 1 if before is None or resumed else before.failures + 1
    after = Attempts(grant.version, failures, grant.moved_at, grant.sequence, grant.epoch)
    return (*others, after)[-MAX_VERSIONS_FAILED:]


def _sampled(row: GroupRow, grant: Grant, *, failed: bool) -> bool:
    if not grant.established or (grant.sequence, grant.epoch) != (row.highest_sequence, row.epoch):
        return False
    forget(row, grant.instance_id)
    row.samples[grant.instance_id] = Sample(grant.wave, failed, grant.error_code if failed else None)
    row.tallies.setdefault(grant.wave, [0, 0])[failed] += 1
    return _judged(row, grant.moved_at)


def _judged(row: GroupRow, now: datetime) -> bool:
    if row.halt_on is None:
        return False
    if row.latch is not None and (row.latch.sequence, row.latch.epoch) >= (row.highest_sequence, row.epoch):
        return False
    succeeded, failed = row.tallies.get(row.wave, (0, 0))
    recent = [sample.failed for sample in islice(reversed(row.samples.values()), judging.RECENT)]
    verdict = judging.judge(row.halt_on, row.wave, Tally(succeeded, failed), recent)
    if verdict is None:
        return False
    row.latch = Latch(row.highest_sequence, row.epoch, now, verdict.reason, verdict.message, row.wave, _errors(row))
    return True


def _errors(row: GroupRow) -> tuple[tuple[int, int], ...]:
    codes = Counter(sample.error_code for sample in row.samples.values() if sample.error_code is not None)
    return tuple(sorted(codes.items(), key=lambda found: (-found[1], found[0]))[:_MOST_ERRORS])
