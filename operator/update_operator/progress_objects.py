"""What does a GroupProgress object say? Its wire form as the value that decisions are made from."""

import logging
from types import MappingProxyType

import pydantic

from update_core import courses
from update_core.fleet.progress import GroupProgress, RolloutRecord
from update_core.resources.fleet import progress as wire
from update_core.resources.rollout_status import Rollout
from update_core.rollout.advance import WaveCounts
from update_core.rollout.plan import HaltReason, Latch
from update_kube.reflector import Change
from update_kube.resources import GROUPPROGRESSES

logger = logging.getLogger(__name__)

Group = tuple[str, str]
"""(appId, track)."""


def subject(change: Change) -> Group | None:
    """Which group it speaks of; None where it speaks of none, which is logged."""
    try:
        spec = wire.GroupProgressSpec.model_validate(change.obj.get("spec"))
    except pydantic.ValidationError as error:
        logger.error("%s %s/%s speaks of no group: %s", GROUPPROGRESSES.kind, *change.key, _first(error))  # noqa: TRY400 - not ours
        return None
    return spec.app_id, spec.track


def read(change: Change) -> GroupProgress | None:
    """What it says of that group; None where it can't be understood, which is logged."""
    try:
        found = wire.GroupProgress.parse(change.obj)
    except pydantic.ValidationError as error:
        logger.error("%s %s/%s can't be read: %s", GROUPPROGRESSES.kind, *change.key, _first(error))  # noqa: TRY400 - not ours
        return None
    counts, rollout, latch = found.status.instances, found.status.rollout, found.status.latch
    return GroupProgress(
        app_id=found.spec.app_id,
        track=found.spec.track,
        rollout=None if rollout is None else _record(rollout),
        total=counts.total,
        active=counts.active,
        on_target=counts.on_target,
        in_progress=counts.in_progress,
        in_progress_current=counts.in_progress_current,
        failed=counts.failed,
        finished=counts.finished,
        waves=MappingProxyType({wave.name: _wave(wave) for wave in found.status.waves}),
        latch=None if latch is None else _latch(latch),
        settled=found.status.settled,
    )


def _record(rollout: Rollout) -> RolloutRecord:
    return RolloutRecord(
        sequence=rollout.sequence,
        version=rollout.version,
        salt=rollout.salt,
        started_at=rollout.started_time,
        kind=rollout.kind,
        completed_at=rollout.completed_time,
        from_version=rollout.from_version or "",
        course=courses.read(rollout),
    )


def _wave(wave: wire.ProgressWave) -> WaveCounts:
    return WaveCounts(
        granted=wave.granted, succeeded=wave.succeeded, failed=wave.failed, waiting=wave.waiting, ahead=wave.ahead
    )


def _latch(latch: wire.ProgressLatch) -> Latch:
    return Latch(
        sequence=latch.sequence,
        epoch=latch.epoch,
        at=latch.time,
        reason=HaltReason(latch.reason),
        message=latch.message,
        wave=latch.wave,
        errors=tuple((each.code, each.count) for each in latch.errors),
    )


def _first(error: pydantic.ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
