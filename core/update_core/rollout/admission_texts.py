"""Why isn't it this instance's turn? Sentences for the reasons of waves, back-off, dependencies and halts."""

from collections.abc import Sequence

from update_core.rollout import admission, phrases, waves
from update_core.rollout.decide import Question
from update_core.rollout.moments import instant


def halted(question: Question) -> str:
    """The rollout is halted: who or what stopped it, and how it goes on."""
    group, request = question.group, question.group.plan.halt
    why = admission.halted(group, question.fleet).rstrip(".")
    if request is not None and request.reason == admission.halted(group, question.fleet):
        return (
            f"{phrases.group(group)} is halted for {request.version} by its spec.rollout.halt: {why}. Take that out to go on, or have "
            f"{phrases.channel(group)} name another version."
        )
    return (
        f"{phrases.rollout(group).capitalize()} of {phrases.group(group)} is halted by its failures: {why}. Have "
        f"{phrases.channel(group)} name another version, or resume it: updatectl group resume {group.name}."
    )


def backing_off(question: Question) -> str:
    """It failed, and waits."""
    version = question.way[-1].version.text
    attempts = admission.failures(question.group, question.fleet, version)
    if attempts is None:
        return ""
    until = admission.backs_off_until(question.group, attempts)
    return (
        f"Its update to {version} failed {phrases.count(attempts.failures, 'time')}, last at {instant(attempts.failed_at)}: it may try "
        f"again at {instant(until)}. Wait, change spec.rollout.retry of {phrases.group(question.group)}, or reset the instance."
    )


def attempts_exhausted(question: Question) -> str:
    """It failed too often."""
    version = question.way[-1].version.text
    attempts = admission.failures(question.group, question.fleet, version)
    times = phrases.count(attempts.failures if attempts is not None else 0, "time")
    return (
        f"Its update to {version} failed {times}, and {phrases.group(question.group)} lets an instance try "
        f"{question.group.plan.retry.max_attempts}: it gets none before another version, a reset of the instance or a resume of the "
        "rollout."
    )


def dependency_not_met(question: Question) -> str:
    """Others go first."""
    names = _some([f'"{dependency.group}"' for dependency in question.group.plan.depends_on])
    return (
        f"{phrases.group(question.group)} waits for groups that go first (spec.rollout.dependsOn): {names}. "
        "Its status.blockers say how far they are."
    )


def awaiting_approval(question: Question) -> str:
    """The next wave needs a person's word."""
    group, wave = question.group, admission.next_wave(question.group)
    name = wave.name if wave is not None else waves.EVERYBODY
    return (
        f"It is in wave {name!r} of {phrases.group(group)}, which doesn't open before somebody approves it: "
        f"updatectl group approve {group.name} --wave {name}."
    )


def not_in_cohort(question: Question) -> str:
    """No open wave lets it in."""
    group, course = question.group, question.group.course
    if course.linear is not None:
        at = admission.comes_in_at(group, question.instance, question.now)
        when = f"its turn comes at {instant(at)}" if at is not None else "its turn hasn't come yet"
        return f"{phrases.group(group)} lets in more instances all the time, and {when}. Wait, or change spec.rollout.linear."
    opened = _some([repr(each.name) for each in course.opened or ()])
    after = admission.next_wave(group)
    coming = f" The next is {after.name!r}." if after is not None else ""
    standing = f"open: {opened}" if opened else "none is open yet"
    return f"No wave of {phrases.group(group)} that is open lets it in ({standing}).{coming} The group's status says what that waits for."


def enrolment_limited(question: Question) -> str:
    """Too many new instances."""
    until = question.fleet.enrolment_until
    when = f" until {instant(until)}" if until is not None else ""
    return f"So many instances of the application were new lately that no more are taken in{when}. Known ones aren't affected."


_NAMED = 3


def _some(names: Sequence[str]) -> str:
    """The first few of some names: a sentence of sixteen is read by nobody, and has to fit into a field."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
