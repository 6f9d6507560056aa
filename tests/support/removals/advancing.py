"""The rules that a rollout goes on by: what halts it, when a wave settles, bakes and is followed, and when it is complete."""

from support.removals.edits import Edit, Removal, Silenced, Swapped

_TESTS = "tests/unit/rollout/"
_ADVANCE, _PROPERTIES = _TESTS + "test_advance.py", _TESTS + "test_advance_properties.py"
_ENDS = _TESTS + "test_before_and_after_a_rollout.py"
_COUNTING, _SETTLING = "tests/unit/fleet/test_ahead.py", "tests/unit/simulation/test_waves_settle.py"


def _judging(rule: str, edit: Edit) -> Removal:
    return Removal(f"halts: {rule}", "update_core.rollout.judging", edit, (_TESTS + "test_judging.py",))


def _advance(rule: str, edit: Edit, *tests: str) -> Removal:
    return Removal(rule, "update_core.rollout.advance", edit, tests or (_ADVANCE,))


def _ahead(rule: str, edit: Edit, *tests: str) -> Removal:
    return Removal(f"ahead: {rule}", "update_core.fleet.ahead", edit, tests or (_COUNTING,))


def _plans(rule: str, edit: Edit) -> Removal:
    return Removal(f"plan: {rule}", "update_core.plans", edit, ("tests/unit/core/test_plans.py",))


_JUDGING = [
    _judging(
        "failures one after the other", Swapped("if run is not None and len(recent) >= run and", "if False and run and")
    ),
    _judging("so many of them", Swapped(" and len(recent) >= run and", " and recent and")),
    _judging("a share of failures", Silenced("_too_many", "False")),
    _judging("not before there are enough outcomes", Swapped(" or counted.samples < halt_on.min_samples:", ":")),
    _judging("in the current wave", Swapped("((named, tally), ", "(")),
    _judging(
        "among the last outcomes", Swapped(', (f"of the last {len(last)}", Tally(len(last) - failed, failed))):', ",):")
    ),
    _judging("only the last hundred", Swapped("last = recent[:RECENT]", "last = recent")),
]
_HALTED = [
    _advance("halt: the latch", Silenced("_halted", "course")),
    _advance(
        "halt: of this rollout and epoch alone",
        Swapped(" or (latch.sequence, latch.epoch) != (stamp.sequence, course.epoch):", ":"),
    ),
    _advance(
        "halt: nothing goes on",
        Swapped(
            "    if course.halted is not None:\n        return Advanced(", "    if False:\n        return Advanced("
        ),
        _PROPERTIES,
        _ADVANCE,
    ),
    _advance(
        "halt: it stands still",
        Swapped("stopped=facts.stopped or course.halted is not None,", "stopped=facts.stopped,"),
    ),
    _advance("resume", Silenced("_resumed", "course")),
    _advance("resume: of this rollout alone", Swapped(" or resume.sequence != stamp.sequence or", " or")),
    _advance("resume: once (epoch)", Swapped(" or resume.epoch <= course.epoch:", ":")),
    _advance("resume: failures count anew (epoch)", Swapped("epoch=resume.epoch, halted=None", "halted=None")),
]
_GOING_ON = [
    _advance(
        "nothing goes on by counts that are old",
        Swapped("if plan.problem or not facts.fresh:", "if plan.problem:"),
        _PROPERTIES,
        _ADVANCE,
    ),
    _advance(
        "nothing goes on by a plan that can't be read",
        Swapped("if plan.problem or not facts.fresh:", "if not facts.fresh:"),
        _ADVANCE,
        _PROPERTIES,
    ),
    _advance("time that stands still is kept", Silenced("_stopped", "course")),
    _advance(
        "time that stood still is rounded up",
        Swapped(
            "seconds = -((course.stopped_since - now) // timedelta(seconds=1))",
            "seconds = (now - course.stopped_since) // timedelta(seconds=1)",
        ),
    ),
    _advance(
        "dependencies: waited for",
        Swapped("if course.dependencies_met_at is None or course.opened", "if course.opened"),
        _ENDS,
        _ADVANCE,
    ),
    _advance("dependencies: far enough", Swapped("if not found.far_enough:", "if False:"), _ENDS),
    _advance("dependencies: all of them", Swapped("    if missing:\n", "    if False:\n"), _ENDS),
    _advance("dependencies: for long enough", Swapped("if ready_at > now:", "if False:"), _ENDS),
    _advance(
        "dependencies: without a break",
        Swapped(
            "course = replace(course, soaking=tuple(soaking))",
            "course = replace(course, soaking=tuple({**before, **dict(soaking)}.items()))",
        ),
        _ENDS,
    ),
    _advance(
        "dependencies: once met they stay so",
        Swapped("    if course.dependencies_met_at is not None:\n        return course, None\n", ""),
        _ENDS,
    ),
    _advance(
        "waves: the next opens when the last is ready",
        Swapped(
            "        if wait is not None and not (skips and not facts.stopped):\n            return course, wait, False\n",
            "",
        ),
    ),
    _advance("waves: settle", Swapped("if outcomes * 100 < planned.settle_percent * last.expected:", "if False:")),
    _advance(
        "waves: failures are outcomes",
        Swapped("outcomes = counts.succeeded + counts.failed", "outcomes = counts.succeeded"),
    ),
    _advance("waves: bake", Swapped("    if now >= ends:\n", "    if True:\n")),
    _advance("waves: no bake while it stands still", Swapped(" + max(stood_still, timedelta(0))", "")),
    _advance(
        "waves: what stood still before it settled isn't bake either",
        Swapped("course.stopped(now) - timedelta(seconds=last.settled_after_stopped_seconds)", "course.stopped(now)"),
    ),
    _advance(
        "waves: what stood still is rounded down before the bake",
        Swapped(
            "stopped = course.stopped(now) // timedelta(seconds=1)",
            "stopped = -(-course.stopped(now) // timedelta(seconds=1))",
        ),
        _ADVANCE,
        _PROPERTIES,
    ),
    _advance(
        "waves: one that isn't planned any more asks for nothing",
        Swapped("else Wave(last.name, settle_percent=0)", "else Wave(last.name, bake_seconds=999)"),
    ),
    _advance(
        "waves: none opens while it stands still",
        Swapped("    if course.stopped_since is not None:\n        # A wave", "    if False:\n        # A wave"),
    ),
    _advance(
        "waves: none opens where the plan has become a growing share",
        Swapped("    if plan.linear is not None:\n        # The", "    if False:\n        # The"),
    ),
    _advance(
        "waves: none opens before those whom it lets in have been counted",
        Swapped("    if expected is None:\n", "    expected = expected or 0\n    if expected is None:\n"),
    ),
    _advance("waves: no more are expected than wait", Swapped("min(wave.instances, new)", "wave.instances")),
    _ahead("what open ones have isn't expected again", Swapped("default=0)", "default=0) * 0"), _SETTLING, _COUNTING),
    _ahead(
        "those of another match are others",
        Swapped("if waves.matches(opened.match, asking)]", "]"),
    ),
    _ahead("only those that match", Swapped(" or not waves.matches(what.wave.match, asking):", ":")),
    _ahead("a number's places may be taken by them", Swapped("ahead -= min(left", "ahead -= 0 * min(left"), _SETTLING),
    _ahead(
        "who is in a wave of a number stays in it", Swapped("if opened.instances is not None)\n\n", "if False)\n\n")
    ),
    _ahead("not before the last has settled", Swapped("opened[-1].settled_at is None and", "False and")),
    _ahead(
        "where somebody skips the bake, before it",
        Swapped(" and not admission.skips_bake(plan, stamp.version, wave):", ":"),
    ),
    _ahead("not for the last", Swapped(" or wave is plan.waves[-1]:", ":")),
    _advance(
        "approval: waited for",
        Swapped("if wave.approval_required and not admission.plan_approves(plan, stamp.version, wave):", "if False:"),
    ),
    _advance("approval: skips the bake where it says so", Swapped("and not (skips and not facts.stopped):", ":")),
    Removal(
        "approval: doesn't skip it otherwise",
        "update_core.rollout.admission",
        Swapped("return plan.approval is not None and plan.approval.skip_bake and", "return"),
        (_ADVANCE,),
    ),
]
_BEGINNING = [
    _advance("begin: a rollback lets everybody in", Swapped("    if all_open:\n", "    if False:\n")),
    _advance(
        "begin: waits for those that go first",
        Swapped("if len(plan.waves) == 1 and not (plan.depends_on or", "if len(plan.waves) == 1 and not ("),
    ),
    _advance("begin: waits for an approval", Swapped("or only.approval_required or", "or")),
    _advance("begin: waits for a plan that can be read", Swapped(" or plan.problem):", "):")),
    _advance(
        "begin: a growing share",
        Swapped("    if plan.linear is not None:\n        return Course(", "    if False:\n        return Course("),
    ),
]
_COMPLETE = [
    _advance(f"complete: {rule}", edit, _ENDS)
    for rule, edit in (
        ("by fresh counts", Swapped("if not facts.fresh or facts.in_flight", "if facts.in_flight")),
        ("nobody is on the way", Swapped(" or facts.in_flight or", " or")),
        ("not while it is halted", Swapped(" or course.halted is not None or not all_open", " or not all_open")),
        ("all waves are open", Swapped(" or not all_open(plan, stamp, course, now):", ":")),
        ("at least one is on target", Swapped("return facts.on_target > 0 and done", "return done")),
        ("enough are there", Swapped(" and done * 100 >= plan.complete_percent * facts.active", "")),
        ("not more than are asked for", Swapped("plan.complete_percent * facts.active", "100 * facts.active")),
        (
            "who can't get there isn't waited for",
            Swapped("done = facts.on_target + facts.finished", "done = facts.on_target"),
        ),
        (
            "the growing share has reached everybody",
            Swapped(
                "return waves.ppm_at(course.linear, stamp.started_at, course.stopped(now), now) >= PPM_OF_ALL",
                "return True",
            ),
        ),
        ("a rollback has no waves", Swapped('return stamp.kind == "Rollback" or (', "return (")),
    )
]
_PLANS = [
    _plans("percentages don't fall", Swapped("if ppm is not None and ppm < highest:", "if False:")),
    _plans("waves or linear", Swapped("if policy.linear is not None and policy.waves:", "if False:")),
    _plans("the last wave is for everybody", Swapped("        planned.append(waves.LAST)\n", "        pass\n")),
    _plans("percent or instances", Swapped("if (wave.percent is None) == (wave.instances is None):", "if False:")),
    _plans("what is matched by fits into a status", Swapped("if length > MAX_MATCH_BYTES:", "if False:")),
    _plans("names are unique", Swapped("if wave.name in names:", "if False:")),
    _plans("everybody is everybody", Swapped("if last.ppm != cohort.PPM_OF_ALL or last.match:", "if False:")),
    _plans(
        "what stops it holds though the rest can't be read",
        Swapped("        problem = str(found)\n", "        return Plan(problem=str(found))\n"),
    ),
]

REMOVALS = (*_JUDGING, *_HALTED, *_GOING_ON, *_BEGINNING, *_COMPLETE, *_PLANS)
