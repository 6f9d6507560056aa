"""What does an outcome count for? The instance's attempts, and the samples by which its rollout is judged, with it or never."""

import functools
from collections import Counter
from datetime import datetime
from itertools import islice

from update_core.fleet import attempts
from update_core.fleet.grants import FAILURES, Grant, GrantState
from update_core.fleet.memory.rows import GroupRow, Known, Sample
from update_core.rollout import judging
from update_core.rollout.judging import Tally
from update_core.rollout.plan import Latch

_MOST_ERRORS = 5


def ended(row: GroupRow, known: Known, grant: Grant) -> bool:
    """Count the end of a grant; whether it halted the rollout."""
    failed = grant.state in FAILURES
    if failed or known.attempts:
        known.attempts = attempts.after(known.attempts, (grant,))
    return _sampled(row, grant, failed=failed) if failed or grant.state is GrantState.COMPLETE else False


def _sampled(row: GroupRow, grant: Grant, *, failed: bool) -> bool:
    if not grant.established or (grant.sequence, grant.epoch) != row.judged[:2]:
        return False
    before = row.samples.pop(grant.instance_id, None)
    if before is not None:
        row.tallies[row.epoch, before.wave][before.failed] -= 1
        row.recent = [sample.failed for sample in islice(reversed(row.samples.values()), judging.RECENT)]
    row.samples[grant.instance_id] = _sample(grant.wave, failed, grant.error_code if failed else None)
    row.recent.insert(0, failed)
    del row.recent[judging.RECENT :]
    row.tallies.setdefault((row.epoch, grant.wave), [0, 0])[failed] += 1
    return _judged(row, grant.moved_at)


@functools.lru_cache(maxsize=256)
def _sample(wave: str, failed: bool, error_code: int | None) -> Sample:
    """One for all who are alike: there are as many as instances."""
    return Sample(wave, failed, error_code)


def _judged(row: GroupRow, now: datetime) -> bool:
    sequence, epoch, _ = row.judged
    if row.halt_on is None or (row.latch is not None and (row.latch.sequence, row.latch.epoch) >= (sequence, epoch)):
        return False
    succeeded, failed = row.tallies.get((epoch, row.wave), (0, 0))
    verdict = judging.judge(row.halt_on, row.wave, Tally(succeeded, failed), row.recent)
    if verdict is None:
        return False
    row.latch = Latch(sequence, epoch, now, verdict.reason, verdict.message, row.wave, _errors(row))
    return True


def _errors(row: GroupRow) -> tuple[tuple[int, int], ...]:
    codes = Counter(sample.error_code for sample in row.samples.values() if sample.error_code is not None)
    return tuple(sorted(codes.items(), key=lambda found: (-found[1], found[0]))[:_MOST_ERRORS])
