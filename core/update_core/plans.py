"""What do people want of a group's rollouts? Group.spec.rollout → a Plan.

What the API server doesn't refuse is found here: percentages that can't be read, or fall from wave to wave. Such a plan has a problem, and
a group with one begins and advances nothing until somebody corrects it; what stops a rollout is read all the same.
"""

import json

from update_core import versions
from update_core.resources import rollout_policy as spec
from update_core.resources.group import GroupSpec
from update_core.rollout import cohort, waves
from update_core.rollout.plan import DEFAULT, Approval, Dependency, HaltOn, HaltRequest, Plan, Resume, Retry
from update_core.rollout.waves import Linear, Match, Requirement, Wave

MAX_MATCH_BYTES = 4096
"""Of all waves' match together, as JSON: what is opened is kept in a status, which is to stay within 16 KiB."""


def read(group: GroupSpec) -> Plan:
    """The plan of a group; one with a `problem` where it can't be read."""
    min_age = group.evidence.min_age_seconds if group.evidence is not None else spec.DEFAULT_MIN_AGE_SECONDS
    policy = group.rollout
    if policy is None:
        return DEFAULT if min_age == DEFAULT.min_age_seconds else Plan(min_age_seconds=min_age)
    planned, linear, problem = DEFAULT.waves, None, ""
    depends_on = tuple(Dependency(each.group_ref.name, soak_seconds=each.soak_seconds) for each in policy.depends_on)
    try:
        planned, linear = _waves(policy), _linear(policy)
        depends_on = tuple(_dependency(number, each) for number, each in enumerate(policy.depends_on))
    except _ProblemError as found:
        problem = str(found)
    return Plan(
        waves=planned,
        linear=linear,
        approval=_approval(policy),
        halt=_halt(policy),
        resume=Resume(policy.resume.sequence, policy.resume.epoch) if policy.resume else None,
        halt_on=_halt_on(policy),
        roll_back=policy.on_halt == "Rollback",
        retry=_retry(policy),
        depends_on=depends_on,
        salt=policy.salt,
        complete_percent=policy.complete_percent,
        min_age_seconds=min_age,
        problem=problem,
    )


def match(requirements: list[spec.Requirement]) -> Match:
    """Whom a wave is for."""
    return tuple(
        Requirement(each.attribute, frozenset(each.values), negated=each.operator == "NotIn") for each in requirements
    )


def match_bytes(requirements: list[spec.Requirement]) -> int:
    """How much room a wave's match takes."""
    return sum(len(json.dumps(each.to_wire(), ensure_ascii=False).encode()) for each in requirements)


class _ProblemError(ValueError):
    """Says which field can't be read, and why."""


def _ppm(field: str, percent: spec.Percent) -> int:
    try:
        return cohort.ppm(percent)
    except ValueError as error:
        raise _ProblemError(f"spec.rollout.{field}: {error}.") from error


def _waves(policy: spec.RolloutPolicy) -> tuple[Wave, ...]:
    if policy.linear is not None and policy.waves:
        raise _ProblemError("spec.rollout has waves and linear: take one of them out.")
    planned: list[Wave] = []
    highest, names = 0, set[str]()
    length = sum(match_bytes(wave.match) for wave in policy.waves)
    if length > MAX_MATCH_BYTES:
        raise _ProblemError(
            f"spec.rollout.waves: their match is {length} bytes long in all, and {MAX_MATCH_BYTES} fit. Match by fewer values."
        )
    for number, wave in enumerate(policy.waves):
        field = f"waves[{number}]"
        if (wave.percent is None) == (wave.instances is None):
            raise _ProblemError(f"spec.rollout.{field} needs one of percent and instances.")
        if wave.name in names:
            raise _ProblemError(f"spec.rollout.{field}.name: two waves are called {wave.name}.")
        names.add(wave.name)
        ppm = _ppm(f"{field}.percent", wave.percent) if wave.percent is not None else None
        if ppm is not None and ppm < highest:
            raise _ProblemError(f"spec.rollout.{field}.percent is below that of a wave before it.")
        highest = max(highest, ppm or 0)
        planned.append(_wave(wave, ppm))
    return _with_everybody(planned)


def _with_everybody(planned: list[Wave]) -> tuple[Wave, ...]:
    """The waves, and the last one where it isn't written."""
    if planned and planned[-1].name == waves.EVERYBODY:
        last = planned[-1]
        if last.ppm != cohort.PPM_OF_ALL or last.match:
            raise _ProblemError("spec.rollout.waves: the wave everybody has percent 100 and no match.")
    elif any(wave.name == waves.EVERYBODY for wave in planned):
        raise _ProblemError("spec.rollout.waves: the wave everybody is the last one.")
    elif not planned or planned[-1].ppm != cohort.PPM_OF_ALL or planned[-1].match:
        planned.append(waves.LAST)
    return tuple(planned)


def _wave(wave: spec.Wave, ppm: int | None) -> Wave:
    return Wave(
        name=wave.name,
        ppm=ppm,
        instances=wave.instances,
        match=match(wave.match),
        settle_percent=wave.settle_percent,
        bake_seconds=wave.bake_seconds,
        approval_required=wave.approval == "Required",
    )


def _linear(policy: spec.RolloutPolicy) -> Linear | None:
    if policy.linear is None:
        return None
    return Linear(_ppm("linear.startPercent", policy.linear.start_percent), policy.linear.duration_seconds)


def _approval(policy: spec.RolloutPolicy) -> Approval | None:
    given = policy.approval
    return None if given is None else Approval(given.version, given.wave, skip_bake=given.bake == "Skip")


def _halt(policy: spec.RolloutPolicy) -> HaltRequest | None:
    request = policy.halt
    if request is None or versions.parse_or_none(request.version) is None:
        return None
    return HaltRequest(request.version, request.reason)


def _halt_on(policy: spec.RolloutPolicy) -> HaltOn | None:
    bounds = policy.halt_on
    if bounds is None or (bounds.failure_percent is None and bounds.consecutive_failures is None):
        return None
    return HaltOn(bounds.failure_percent, bounds.min_samples, bounds.consecutive_failures)


def _retry(policy: spec.RolloutPolicy) -> Retry:
    return Retry() if policy.retry is None else Retry(policy.retry.max_attempts, policy.retry.backoff_seconds)


def _dependency(number: int, dependency: spec.Dependency) -> Dependency:
    ppm = _ppm(f"dependsOn[{number}].minPercent", dependency.min_percent)
    return Dependency(dependency.group_ref.name, ppm, dependency.soak_seconds)
