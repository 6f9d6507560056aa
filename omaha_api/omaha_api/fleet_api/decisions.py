"""What would this instance be answered now, and which rule says so? The rules of a check, asked on the store's rows.

Nothing is changed by asking. A check leaves two things that it was told on the instance: its version, and as the last refusal whether it
asked not to be updated, because that is the first rule of all.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from omaha_api.answers import offers, questions
from omaha_api.clock import Clock
from omaha_api.fleet_api import statuses
from omaha_api.instances.fleet_memory import FleetMemory
from omaha_api.rollouts.rollout_mirror import RolloutMirror
from update_core import catalog, versions
from update_core.fleet.attributes import Attributes
from update_core.fleet.reading import FleetReader, InstanceRow, Placement
from update_core.fleet.store import InstanceRecord, StoreUnavailable
from update_core.resources.fleet.decision import InstanceDecisionStatus, RuleVerdict
from update_core.rollout import explain, trace
from update_core.rollout.model import Decision, Instance, Offer, Reason, ResolvedGroup
from update_core.rollout.trace import Trace


@dataclass(frozen=True, slots=True)
class _Heard:
    """What the instance said last, and was answered."""

    track: str
    version: str
    refusal: str
    attributes: Attributes


class Decisions:
    """Decides for those who look on."""

    def __init__(
        self,
        *,
        reader: FleetReader,
        memory: FleetMemory,
        mirror: RolloutMirror,
        current: Callable[[], catalog.Catalog],
        clock: Clock,
    ) -> None:
        self._reader = reader
        self._memory = memory
        self._mirror = mirror
        self._current = current
        self._clock = clock

    async def status(self, row: InstanceRow, placement: Placement, version: str) -> InstanceDecisionStatus:
        """The decision for the instance, as if it ran `version`; empty: the one that it runs.

        Raises:
            ApiError: 400, the version is longer than any that counts; 503, no catalog has been read yet.
            StoreUnavailable: the store can't be read.
        """
        if len(version) > versions.MAX_LENGTH:
            raise statuses.bad_request(f"version has at most {versions.MAX_LENGTH} characters, not {len(version)}")
        now, record = self._clock(), row.record
        heard = self._heard(record)
        version = version or heard.version
        latest = self._current()
        if latest is catalog.EMPTY:
            raise statuses.unavailable("the Applications and Groups haven't been read yet")
        application = latest.applications.get(record.app_id)
        group = application.group_for(heard.track) if application is not None else None
        if group is None:
            return _no_group(placement, heard.track, version, now, gone=application is None)
        disabled = heard.refusal == Reason.UPDATES_DISABLED_BY_CLIENT
        instance = questions.remembered(record.instance_id, version, heard.attributes, updates_disabled=disabled)
        towards_it, _ = offers.sayable(group, instance.arch)
        traced = await self._trace(towards_it, instance, record.instance_id, now)
        return _status(traced, stand_in_for=heard.track if group.track != heard.track else None)

    def _heard(self, record: InstanceRecord) -> _Heard:
        """From memory where this process heard it last: a row is written some time after a check."""
        known = self._memory.known((record.app_id, record.instance_id))
        if known is None or known.last_seen < record.last_seen:
            return _Heard(record.track, record.version, record.last_refusal, record.attributes)
        return _Heard(known.track, known.version, known.refusal, known.attributes)

    async def _trace(self, group: ResolvedGroup, instance: Instance, instance_id: str, now: datetime) -> Trace:
        fleet = await self._reader.fleet(group, instance_id, now)
        traced = trace.trace(group, instance, fleet, now)
        if not _needs_the_store(traced.decision):
            return traced
        # A new update is on record before it is offered; whether anything can be recorded shows when it is tried.
        writable = await self._writable(group)
        return (
            traced
            if writable == fleet.available
            else trace.trace(group, instance, replace(fleet, available=writable), now)
        )

    async def _writable(self, group: ResolvedGroup) -> bool:
        try:
            await self._mirror.confirm(group)
        except StoreUnavailable:
            return False
        return True


def _needs_the_store(decision: Decision) -> bool:
    if isinstance(decision, Offer):
        return decision.grant is None
    return decision.reason is Reason.STORE_UNAVAILABLE


def _status(traced: Trace, *, stand_in_for: str | None) -> InstanceDecisionStatus:
    question, decision = traced.question, traced.decision
    offered = isinstance(decision, Offer)
    message = explain.answer(traced)
    if stand_in_for is not None:
        message = f"No Group has its track {stand_in_for!r} any more. {message}"
    until = None if isinstance(decision, Offer) else decision.until
    return InstanceDecisionStatus(
        answer="Offer" if offered else "Refusal",
        reason="" if isinstance(decision, Offer) else decision.reason,
        message=message,
        until=_whole(until),
        offered_version=decision.version if isinstance(decision, Offer) else "",
        repeated=isinstance(decision, Offer) and decision.grant is not None,
        current_version=question.instance.version,
        group=question.group.name,
        evaluated_time=explain.whole(question.now),
        rules=[_verdict(traced, step) for step in traced.steps],
    )


def _verdict(traced: Trace, step: trace.Step) -> RuleVerdict:
    if step.refusal is None:
        return RuleVerdict(rule=step.rule, verdict=step.verdict.value)
    return RuleVerdict(
        rule=step.rule,
        verdict=step.verdict.value,
        until=_whole(step.refusal.until),
        message=explain.refusal(traced.question, step.refusal),
    )


def _no_group(placement: Placement, track: str, version: str, now: datetime, *, gone: bool) -> InstanceDecisionStatus:
    name = f'Application "{placement.application}"'
    why = f"{name} is gone" if gone else f"no Group of {name} has its track {track!r}, and there is no default Group"
    return InstanceDecisionStatus(
        answer="NoGroup",
        message=f"Nothing answers it: {why}. It is told error-unknownApplication, and isn't updated.",
        current_version=version,
        evaluated_time=explain.whole(now),
    )


def _whole(moment: datetime | None) -> datetime | None:
    return None if moment is None else explain.whole(moment)
