"""Is it this instance's turn? Waves, the growing share, back-off, dependencies, and what newcomers may have: facts for decide's rules."""

from datetime import datetime, timedelta

from update_core import versions
from update_core.rollout import plan as plans
from update_core.rollout import waves
from update_core.rollout.cohort import PPM_OF_ALL
from update_core.rollout.model import Attempts, Fleet, Instance, Limits, ResolvedGroup, Stamp
from update_core.rollout.waves import Asking, Opened, Wave

NEWCOMERS_SHARE = 10
"""A tenth of rate and in flight is for instances that aren't established, at least one place."""


def halted(group: ResolvedGroup, fleet: Fleet) -> str:
    """Why the rollout is halted, empty while it isn't: a person said so, the operator has stamped it, or the store has latched it."""
    stamp, course = group.stamp, group.course
    request = group.plan.halt
    if request is not None and stamp is not None and versions.same(request.version, stamp.version):
        return request.reason
    if course.halted is not None:
        return course.halted.message or course.halted.reason
    latch = fleet.latch
    if latch is not None and stamp is not None and (latch.sequence, latch.epoch) >= (stamp.sequence, course.epoch):
        return latch.message or latch.reason
    return ""


def established(group: ResolvedGroup, fleet: Fleet, now: datetime) -> bool:
    """Whether the asking instance was known before the rollout began, and has been heard over evidence.minAgeSeconds."""
    seen, stamp = fleet.first_seen, group.stamp
    if seen is None or stamp is None or seen >= stamp.started_at:
        return False
    return now - seen >= timedelta(seconds=group.plan.min_age_seconds)


def failures(group: ResolvedGroup, fleet: Fleet, version: str) -> Attempts | None:
    """The asking instance's failures on the way to a version that count; None without any."""
    stamp = group.stamp
    for attempts in fleet.attempts:
        if not versions.same(attempts.version, version):
            continue
        # A resume begins the count of its own rollout anew; what failed in an earlier one of the same version still did.
        resumed = stamp is not None and attempts.sequence == stamp.sequence and attempts.epoch < group.course.epoch
        return None if resumed else attempts
    return None


def backs_off_until(group: ResolvedGroup, attempts: Attempts) -> datetime:
    """When an instance that failed may try again."""
    return attempts.failed_at + plans.backoff(group.plan.retry, attempts.failures)


def dependency_pending(group: ResolvedGroup) -> bool:
    """Whether groups that go first aren't far enough yet."""
    return bool(group.plan.depends_on) and group.course.dependencies_met_at is None


def admitting(group: ResolvedGroup, instance: Instance, fleet: Fleet, now: datetime) -> str | None:
    """The open wave that lets the instance in, empty where no wave has to; None if none does."""
    stamp, course = group.stamp, group.course
    if stamp is None or (course.opened is None and course.linear is None):
        return ""
    if course.linear is not None:
        share = waves.ppm_at(course.linear, stamp.started_at, course.stopped(now), now)
        return "" if waves.includes(share, stamp.salt, instance.instance_id) else None
    asking = _asking(instance)
    for opened in course.opened or ():
        if _lets_in(opened, asking, stamp, fleet) and (
            opened.instances is None or established(group, fleet, now) or fleet.counted_in == opened.name
        ):
            return opened.name
    return None


def _lets_in(opened: Opened, asking: Asking, stamp: Stamp, fleet: Fleet) -> bool:
    if opened.match and not waves.matches(opened.match, asking):
        return False
    if opened.ppm is not None:
        return waves.includes(opened.ppm, stamp.salt, asking.instance_id)
    if opened.instances is None or asking.instance_id is None:
        return False
    return fleet.counted_in == opened.name or fleet.through.get(opened.name, 0) < opened.instances


def comes_in_at(group: ResolvedGroup, instance: Instance, now: datetime) -> datetime | None:
    """When the instance is let in by itself, None where that isn't known: waves open when they are ready."""
    stamp, linear = group.stamp, group.course.linear
    if stamp is None or linear is None or instance.instance_id is None or group.course.stopped_since is not None:
        return None
    return waves.reached_at(linear, stamp.started_at, group.course.stopped(now), stamp.salt, instance.instance_id)


def next_wave(group: ResolvedGroup) -> Wave | None:
    """The wave that opens next, None where all are open or nothing is known of waves."""
    if group.course.opened is None or group.course.linear is not None:
        return None
    return following(group.plan.waves, tuple(opened.name for opened in group.course.opened))


def following(planned: tuple[Wave, ...], opened: tuple[str, ...]) -> Wave | None:
    """The first planned wave after all that are open, by name; None where all are."""
    last = max((place for place, wave in enumerate(planned) if wave.name in opened), default=-1)
    return next(iter(planned[last + 1 :]), None)


def waits_for_approval(group: ResolvedGroup, instance: Instance) -> bool:
    """Whether the next wave, which needs a person's word and doesn't have it, would let the instance in."""
    wave, stamp = next_wave(group), group.stamp
    if wave is None or stamp is None or not wave.approval_required or approved(group, wave):
        return False
    if wave.match and not waves.matches(wave.match, _asking(instance)):
        return False
    return wave.ppm is None or waves.includes(wave.ppm, stamp.salt, instance.instance_id)


def approved(group: ResolvedGroup, wave: Wave) -> bool:
    """Whether a person let the wave open, for the version that the group moves to."""
    return group.stamp is not None and plan_approves(group.plan, group.stamp.version, wave)


def plan_approves(plan: plans.Plan, version: str, wave: Wave) -> bool:
    """Whether the plan's approval is of this version and of this wave, or one after it."""
    approval = plan.approval
    if approval is None or not versions.same(approval.version, version):
        return False
    up_to, place = plan.index(approval.wave), plan.index(wave.name)
    return up_to is not None and place is not None and place <= up_to


def skips_bake(plan: plans.Plan, version: str, wave: Wave) -> bool:
    """Whether a person lets the wave open though those before it haven't settled or baked."""
    return plan.approval is not None and plan.approval.skip_bake and plan_approves(plan, version, wave)


def for_everybody(group: ResolvedGroup, now: datetime) -> bool:
    """Whether everybody is let in, also who can't be told from others."""
    stamp, course = group.stamp, group.course
    if stamp is None or (course.opened is None and course.linear is None):
        return True
    if course.linear is not None:
        return waves.ppm_at(course.linear, stamp.started_at, course.stopped(now), now) >= PPM_OF_ALL
    return any(opened.ppm == PPM_OF_ALL and not opened.match for opened in course.opened or ())


def newcomers_share(most: int) -> int:
    """How many of a limit's places are for instances that aren't established."""
    return max(1, most // NEWCOMERS_SHARE)


def limits_for_newcomers(limits: Limits) -> Limits:
    """The limits that newcomers have among themselves."""
    return Limits(
        max_updates=None if limits.max_updates is None else newcomers_share(limits.max_updates),
        period_seconds=limits.period_seconds,
        max_in_flight=None if limits.max_in_flight is None else newcomers_share(limits.max_in_flight),
    )


def _asking(instance: Instance) -> Asking:
    return Asking(instance.instance_id, instance.machine, instance.arch, instance.version)
