"""The rules that a check is decided by, and the clauses of each: `decide`, whom waves let in, how long who failed waits, the rate."""

from support.removals.edits import Edit, Removal, Silenced, Swapped
from update_core.rollout import decide

_TESTS = "tests/unit/rollout/"
_DECIDE, _ADMISSION = _TESTS + "test_decide.py", _TESTS + "test_admission.py"
_HOPS, _EXCLUSIONS = _TESTS + "test_hops.py", _TESTS + "test_exclusions.py"


def _of_decide(rule: str, edit: Edit, *tests: str) -> Removal:
    return Removal(rule, decide.__name__, edit, tests or (_DECIDE, _ADMISSION))


def _of_admission(rule: str, edit: Edit, *tests: str) -> Removal:
    return Removal(rule, "update_core.rollout.admission", edit, tests or (_ADMISSION,))


def rule_removals() -> list[Removal]:
    """Each rule of the two tables, as if it refused nobody."""
    return [
        _of_decide(f"decide: {rule.__name__}", Silenced(rule.__name__))
        for rule in (*decide.ELIGIBILITY, *decide.LIMITS)
    ]


_REOFFER = [
    _of_decide("what is offered again asks no limit", Swapped("    if reoffered(question):\n        return\n", "")),
    _of_decide("offered again: of this track", Swapped("        and grant.track == question.group.track\n", "")),
    _of_decide("offered again: of this rollout", Swapped("        and grant.sequence == stamp.sequence\n", "")),
    _of_decide(
        "offered again: of this hop",
        Swapped("        and versions.same(grant.version, question.way[-1].version.text)\n", ""),
    ),
    _of_decide(
        "until: unknown as soon as one rule doesn't know",
        Swapped("None if other.until is None else max(until, other.until)", "max(until, other.until or until)"),
    ),
    _of_decide("until: the latest of all rules", Swapped("max(until, other.until)", "until")),
]
_CLAUSES = [
    _of_decide("UpToDate: equal only where it is asked for", Swapped("else instance.same_version", "else True")),
    _of_decide(
        "UpToDate: down only where the group allows it",
        Swapped("instance.rollback_allowed and group.allow_downgrade", "instance.rollback_allowed"),
        _EXCLUSIONS,
    ),
    _of_decide(
        "UpToDate: down only where the client asks for it",
        Swapped("instance.rollback_allowed and group.allow_downgrade", "group.allow_downgrade"),
        _EXCLUSIONS,
    ),
    _of_decide(
        "UpToDate: a rollback moves who runs what was halted, alone",
        Swapped("if current is None or halted else", "if True else"),
    ),
    _of_decide("Excluded: the architecture", Silenced("runs_on_others_only", "False"), _EXCLUSIONS),
    _of_decide("Excluded: the OEM", Swapped("(oem or not within", "(not within"), _EXCLUSIONS),
    _of_decide("Excluded: the client's prefix", Swapped("if own and not", "if False and not"), _EXCLUSIONS),
    _of_decide("Excluded: the group's prefix", Swapped("return not of_group or ", "return True or "), _EXCLUSIONS),
    _of_decide("PackageUnavailable: of each hop", Silenced("unavailable", "False"), _HOPS, _EXCLUSIONS),
    _of_decide(
        "OutsideWindow: windows that can't be read",
        Swapped("if schedule.problem:", "if False:"),
        _TESTS + "test_schedule.py",
    ),
    _of_decide(
        "AnonymousInstance: a limit counts instances",
        Swapped("group.limits.none and admission", "admission"),
    ),
    _of_decide(
        "AnonymousInstance: not everybody is let in", Swapped(" and admission.for_everybody(group, question.now)", "")
    ),
    _of_decide(
        "BackingOff: it ends",
        Swapped("if question.now < until else None\n\n\ndef attempts", "if True else None\n\n\ndef attempts"),
        _TESTS + "test_attempts.py",
    ),
    _of_decide("on demand: past waves and rate", Silenced("_bypasses", "False")),
    _of_decide(
        "on demand: only where the group says so",
        Swapped(" and question.group.on_demand_bypasses", ""),
    ),
    _of_decide("EnrolmentLimited: only who is new", Swapped(" and question.fleet.first_seen is None", "")),
    _of_decide(
        "TooManyInFlight: nobody is in its own way",
        Swapped("replaced = 1 if own is not None and own.track", "replaced = 0 if own is not None and own.track"),
    ),
    _of_decide("TooManyInFlight: newcomers have a share", Swapped("if not full and question.newcomer:", "if False:")),
    _of_decide(
        "RateLimited: newcomers have a share", Swapped("newcomers = fleet.newcomer_slot if", "newcomers = None if")
    ),
    _of_decide(
        "RateLimited: the rate",
        Swapped("(fleet.rate_slot, fleet.quiet_until, newcomers)", "(fleet.quiet_until, newcomers)"),
    ),
    _of_decide(
        "RateLimited: what isn't known",
        Swapped("(fleet.rate_slot, fleet.quiet_until, newcomers)", "(fleet.rate_slot, newcomers)"),
    ),
    _of_decide(
        "newcomers: only where outcomes are judged", Swapped("return self.group.plan.guarded and not", "return not")
    ),
    _of_decide(
        "newcomers: who is established is none",
        Swapped("self.group.plan.guarded and not self.established", "self.group.plan.guarded"),
    ),
]
_HALTS = [
    _of_admission(
        "Halted: a person's word", Swapped("if request is not None and", "if False and request is not None and")
    ),
    _of_admission(
        "Halted: of this version alone", Swapped("and versions.same(request.version, stamp.version):", "and True:")
    ),
    _of_admission("Halted: as stamped", Swapped("if course.halted is not None:", "if False:")),
    _of_admission("Halted: as latched", Swapped("if latch is not None and stamp", "if False and stamp")),
    _of_admission(
        "Halted: until it is resumed (epoch)",
        Swapped("(latch.sequence, latch.epoch) >= (stamp.sequence, course.epoch)", "latch.sequence >= stamp.sequence"),
    ),
    _of_admission(
        "Halted: of this rollout alone",
        Swapped("(latch.sequence, latch.epoch) >= (stamp.sequence, course.epoch)", "latch.epoch >= course.epoch"),
    ),
]
_ESTABLISHED = [
    _of_admission("established: seen before the rollout began", Swapped(" or seen >= stamp.started_at", "")),
    _of_admission(
        "established: heard for long enough",
        Swapped("return now - seen >= timedelta(seconds=group.plan.min_age_seconds)", "return True"),
    ),
    _of_admission("newcomers' share: a tenth", Silenced("newcomers_share", "most")),
    _of_admission(
        "newcomers' share: at least one", Swapped("max(1, most // NEWCOMERS_SHARE)", "most // NEWCOMERS_SHARE")
    ),
]
_ATTEMPTS = [
    _of_admission(
        "attempts: by version",
        Swapped("if not versions.same(attempts.version, version):", "if False:"),
        _TESTS + "test_attempts.py",
    ),
    _of_admission(
        "attempts: a resume counts anew",
        Swapped("None if resumed else attempts", "attempts"),
        _TESTS + "test_attempts.py",
    ),
    _of_admission(
        "attempts: of its own rollout alone",
        Swapped("and attempts.sequence == stamp.sequence and", "and"),
        _TESTS + "test_attempts.py",
    ),
    Removal(
        "back-off: doubles",
        "update_core.rollout.plan",
        Swapped(" * 2 ** min(failures - 1, 32)", ""),
        (_TESTS + "test_attempts.py",),
    ),
    Removal(
        "back-off: at most a day",
        "update_core.rollout.plan",
        Swapped("MAX_BACKOFF = timedelta(days=1)", "MAX_BACKOFF = timedelta(days=9)"),
        (_TESTS + "test_attempts.py",),
    ),
]
_WAVES = [
    _of_admission("dependencies: pending until they are met", Silenced("dependency_pending", "False")),
    _of_admission("dependencies: met is met", Swapped("and group.course.dependencies_met_at is None", "")),
    _of_admission(
        "waves: whom they match", Swapped("if opened.match and not waves.matches(opened.match, asking):", "if False:")
    ),
    _of_admission(
        "waves: their share",
        Swapped("return waves.includes(opened.ppm, stamp.salt, asking.instance_id)", "return True"),
    ),
    _of_admission(
        "waves: the cap of a number of instances",
        Swapped(" or fleet.through.get(opened.name, 0) < opened.instances", " or True"),
    ),
    _of_admission(
        "waves: who was counted comes in again",
        Swapped("return fleet.counted_in == opened.name or fleet", "return fleet"),
    ),
    _of_admission(
        "waves: by number only established instances",
        Swapped("opened.instances is None or established(group, fleet, now) or", "True or"),
    ),
    _of_admission(
        "the growing share: time that stood still",
        Swapped(
            "share = waves.ppm_at(course.linear, stamp.started_at, course.stopped(now), now)",
            "share = waves.ppm_at(course.linear, stamp.started_at, timedelta(0), now)",
        ),
    ),
    _of_admission(
        "the growing share: nobody knows when while it stands still",
        Swapped(" or group.course.stopped_since is not None:", ":"),
    ),
    _of_admission(
        "approval: of this version",
        Swapped("if approval is None or not versions.same(approval.version, version):", "if approval is None:"),
    ),
    _of_admission("approval: of those before it, not of those after", Swapped(" and place <= up_to", "")),
    _of_admission(
        "AwaitingApproval: only where one is needed",
        Swapped("or not wave.approval_required or approved", "or approved"),
    ),
    _of_admission(
        "AwaitingApproval: only who is in the next wave",
        Swapped("return wave.ppm is None or waves.includes(wave.ppm, stamp.salt, instance.instance_id)", "return True"),
    ),
    _of_admission(
        "AwaitingApproval: only who matches the next wave",
        Swapped("if wave.match and not waves.matches(wave.match, _asking(instance)):", "if False:"),
    ),
    Removal(
        "waves: who has no id comes in with everybody",
        "update_core.rollout.waves",
        Swapped("    if ppm >= cohort.PPM_OF_ALL:\n        return True\n", ""),
        (_TESTS + "test_waves.py",),
    ),
    Removal(
        "waves: NotIn",
        "update_core.rollout.waves",
        Swapped("(value in self.values) is not self.negated", "value in self.values"),
        (_TESTS + "test_waves.py",),
    ),
    Removal(
        "the growing share: it grows",
        "update_core.rollout.waves",
        Swapped("* passed // whole\n", "* 0\n"),
        (_TESTS + "test_waves.py",),
    ),
    Removal(
        "the growing share: never below its start",
        "update_core.rollout.waves",
        Swapped("max(moving, timedelta(0)) // _MICROSECOND", "moving // _MICROSECOND"),
        (_TESTS + "test_waves.py",),
    ),
    Removal(
        "the order: a place of its own in each rollout",
        "update_core.rollout.cohort",
        Swapped("salt.encode() + b", "b"),
        (_TESTS + "test_cohort.py",),
    ),
]
_LIMITS = [
    Removal(
        "rate: the grant that decides",
        "update_core.rollout.limits",
        Silenced("deciding_number"),
        (_TESTS + "test_rate_arithmetic.py",),
    ),
    Removal(
        "rate: one period after it",
        "update_core.rollout.limits",
        Silenced("slot"),
        (_TESTS + "test_rate_arithmetic.py",),
    ),
    Removal(
        "windows: shut outside", "update_core.rollout.windows", Silenced("opens_at"), (_TESTS + "test_windows.py",)
    ),
    Removal("freezes: shut inside", "update_core.rollout.windows", Silenced("thaws_at"), (_TESTS + "test_windows.py",)),
    Removal("hops: floors aren't gone past", "update_core.rollout.hops", Silenced("_floors_above", "()"), (_HOPS,)),
    Removal("hops: minFromVersion", "update_core.rollout.hops", Silenced("takes", "True"), (_HOPS,)),
    Removal("hops: a dead end is left by nobody", "update_core.rollout.hops", Silenced("dead_end"), (_HOPS,)),
]

REMOVALS = (*rule_removals(), *_REOFFER, *_CLAUSES, *_HALTS, *_ESTABLISHED, *_ATTEMPTS, *_WAVES, *_LIMITS)
