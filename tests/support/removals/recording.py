"""The rules by which updates are recorded: what moves a grant, and what the store's rows keep from being given or judged."""

from support.removals.edits import Edit, Removal, Silenced, Swapped
from update_core.fleet import evidence, moves

_EVIDENCE = "tests/unit/fleet/test_evidence.py"
_CONTRACT = "tests/unit/store/test_sqlite_contract.py"


def _of_evidence(rule: str, edit: Edit) -> Removal:
    return Removal(f"evidence: {rule}", evidence.__name__, edit, (_EVIDENCE,))


def _of_moves(rule: str, old: str, new: str) -> Removal:
    return Removal(f"evidence: {rule}", moves.__name__, Swapped(old, new), (_EVIDENCE,))


def _of_store(rule: str, module: str, edit: Edit, select: str) -> Removal:
    return Removal(f"store: {rule}", f"omaha_api.store.{module}", edit, (_CONTRACT, "-k", select))


def row_removals() -> list[Removal]:
    """Each row of the tables of events, as if such events didn't exist."""
    rows = [*evidence.FORWARD, *sorted(evidence.FAILED), evidence.RELEASED]
    return [
        _of_evidence(f"{kind}:{result}", Swapped(f"({kind}, {result})", f"(-{kind}, {result})"))
        for kind, result in rows
    ]


def code_removals() -> list[Removal]:
    """Each error code that says nothing of an update, as if it did."""
    codes = ", ".join(map(str, sorted(evidence.OMAHA_CODES)))
    return [
        _of_evidence(f"code {code} is about talking to us", Swapped(f"{{{codes}}}", f"{{{codes}}} - {{{code}}}"))
        for code in sorted(evidence.OMAHA_CODES)
    ]


_EVENTS = [
    _of_evidence("codes of HTTP are about talking to us", Swapped(" or code.base in TRANSPORT_CODES", "")),
    _of_evidence("code 44: it came up on the old version", Swapped("code.base == ROLLED_BACK_CODE", "False")),
    _of_evidence("a client's own code says nothing", Swapped(" or event.own_codes else", " else")),
    _of_moves("only forward", "_rows(_LIVE[:1], Cause.DOWNLOADING", "_rows(_LIVE, Cause.DOWNLOADING"),
    _of_moves("a live grant", "_rows(_LIVE, Cause.FAILURE", "_rows(tuple(GrantState), Cause.FAILURE"),
    _of_moves("reported: complete", "_rows((*_LIVE, *_ENDED_BY_THE_CLOCK), Cause.REACHED", "_rows((), Cause.REACHED"),
    _of_moves(
        "reported: also after the clock ended it",
        "_rows((*_LIVE, *_ENDED_BY_THE_CLOCK), Cause.REACHED",
        "_rows(_LIVE, Cause.REACHED",
    ),
    _of_moves(
        "reported: not after a failure",
        "_rows((*_LIVE, *_ENDED_BY_THE_CLOCK), Cause.REACHED",
        "_rows(tuple(GrantState), Cause.REACHED",
    ),
    _of_evidence("booted the old version", Swapped("if report.asked and grant.boot_id", "if False and grant.boot_id")),
    _of_evidence(
        "booted the old version: by a check", Swapped("if report.asked and grant.boot_id", "if grant.boot_id")
    ),
    _of_evidence("booted the old version: with another boot id", Swapped(" and report.boot_id != grant.boot_id:", ":")),
    _of_moves(
        "booted the old version: once installed",
        "_rows(_LIVE[3:], Cause.OLD_VERSION",
        "_rows(tuple(GrantState), Cause.OLD_VERSION",
    ),
    _of_evidence("a ping alone: on hold", Swapped("if report.ping_alone:", "if False:")),
    _of_evidence("deadline: passed", Silenced("expire")),
    _of_evidence("deadline: never early", Swapped("if now < grant.deadline:", "if False:")),
    _of_moves(
        "deadline: a failure from Downloaded on",
        "Cause.DEADLINE, GrantState.TIMED_OUT",
        "Cause.DEADLINE, GrantState.LAPSED",
    ),
    _of_moves(
        "deadline: none before",
        "Cause.DEADLINE, GrantState.LAPSED",
        "Cause.DEADLINE, GrantState.TIMED_OUT",
    ),
    _of_evidence(
        "deadline: moves with each step",
        Swapped("        deadline=now + timedelta(seconds=timeouts.of(after.state)),\n", ""),
    ),
]
_ATTEMPTS = [
    Removal(
        "attempts: each failure counts",
        "update_core.fleet.attempts",
        Swapped("else before.failures + 1", "else before.failures"),
        (_CONTRACT, "-k", "waits_twice_as_long"),
    ),
    Removal(
        "attempts: a version that is reached is forgiven",
        "update_core.fleet.attempts",
        Swapped("attempts = _others(attempts, grant)\n    return attempts", "pass\n    return attempts"),
        (_CONTRACT, "-k", "forgiven"),
    ),
    Removal(
        "attempts: a resume begins anew",
        "update_core.fleet.attempts",
        Swapped("if before is None or resumed else", "if before is None else"),
        (_CONTRACT, "-k", "resume_begins_the_count_anew"),
    ),
]
_GRANTING = [
    _of_store(
        "fence: an older rollout is refused",
        "granting",
        Swapped("highest_sequence=ledger.highest_sequence,", "highest_sequence=0,"),
        "stale",
    ),
    _of_store("rate", "groups", Silenced("rate_slot"), "rate_limit_refuses or no_interval_holds_more"),
    _of_store("rate: of newcomers", "groups", Silenced("newcomer_slot"), "tenth_of_the_rate"),
    _of_store(
        "rate: time never goes back",
        "granting",
        Swapped("at = now if row.last_grant_at is None else max(now, row.last_grant_at)", "at = now"),
        "clock_that_goes_back",
    ),
    _of_store("in flight", "granting", Swapped("in_flight=ledger.in_flight,", "in_flight=0,"), "full_group_refuses"),
    _of_store(
        "in flight: of newcomers",
        "granting",
        Swapped("newcomers_in_flight=ledger.newcomers_in_flight,", "newcomers_in_flight=0,"),
        "tenth_of_the_places",
    ),
    _of_store(
        "in flight: a grant takes a place",
        "granting",
        Swapped("in_flight=row.in_flight + (1 if replaced is None else 0),", "in_flight=row.in_flight,"),
        "full_group_refuses",
    ),
    _of_store("in flight: an end makes room", "groups", Silenced("close_one"), "finished_update_makes_room"),
    _of_store(
        "quiet time after a loss",
        "granting",
        Swapped("quiet_until=ledger.quiet_until,", "quiet_until=None,"),
        "lost_store",
    ),
    _of_store("halted", "granting", Swapped("latch=ledger.latch,", "latch=None,"), "halted_rollout_grants_nothing"),
    _of_store("waves by number", "granting", Swapped("through=ledger.through,", ""), "lets_its_number_of_instances"),
    _of_store(
        "waves by number: a retry isn't counted",
        "granting",
        Swapped(
            "through=judgings.one_more(row.through, granted.wave) if first else row.through,",
            "through=judgings.one_more(row.through, granted.wave),",
        ),
        "retry_is_not_counted_again",
    ),
    _of_store(
        "waves by number: who was counted comes in",
        "outcomes",
        Silenced("counted_in", '""'),
        "retry_is_not_counted_again",
    ),
    _of_store(
        "attempts",
        "granting",
        Swapped("attempts=known.record.attempts if known is not None else (),", ""),
        "waits_twice_as_long",
    ),
    _of_store(
        "established",
        "granting",
        Swapped("first_seen=known.record.first_seen if known is not None else None,", ""),
        "only_established_instances",
    ),
    _of_store(
        "one live grant of an instance",
        "granting",
        Swapped("live_grant=known.live_grant if known is not None else None,", "live_grant=None,"),
        "asking_again_gives_the_same",
    ),
    _of_store(
        "deadline: swept when it has passed",
        "grants",
        Swapped("grants.live AND grants.deadline <= ? LIMIT", "grants.live AND grants.deadline < 0 AND 0 <= ? LIMIT"),
        "ended_at_its_deadline",
    ),
]
_JUDGING = [
    _of_store(
        "outcomes: judged as they are recorded", "outcomes", Silenced("_record", "False"), "halts_with_the_outcome"
    ),
    _of_store(
        "outcomes: of established instances alone",
        "outcomes",
        Swapped(" and grant.established and _record", " and _record"),
        "not_established_do_not_count",
    ),
    _of_store(
        "outcomes: of this rollout alone",
        "outcomes",
        # The check alone is a short cut: what is counted is kept apart by rollout as well.
        Swapped(
            " or (grant.sequence, grant.epoch) != row.judging.of:\n        return False\n"
            "    if not _sample(connection, grant, row.judging.halt_on):\n",
            ":\n        return False\n    import dataclasses\n"
            "    rollout = {'sequence': row.judging.sequence, 'epoch': row.judging.epoch}\n"
            "    if not _sample(connection, dataclasses.replace(grant, **rollout), row.judging.halt_on):\n",
        ),
        "earlier_rollout_do_not_count or resume_counts_failures_anew or outcome_of_an_update_that_began_before",
    ),
    _of_store(
        "outcomes: one sample of an instance",
        "outcomes",
        Swapped("    if before is not None:\n", "    if False:\n"),
        "one_instance_is_one_sample or retry_replaces",
    ),
    _of_store(
        "outcomes: halted once",
        "outcomes",
        Swapped("(latch is not None and (latch.sequence, latch.epoch) >= judging.of)", "False"),
        "halted_once",
    ),
]

REMOVALS = (*row_removals(), *code_removals(), *_EVENTS, *_ATTEMPTS, *_GRANTING, *_JUDGING)
