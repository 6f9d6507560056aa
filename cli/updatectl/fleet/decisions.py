"""How does a decision read? The answer first, then every rule with its mark, and what would change the answer.

What the rules say are the service's words; the commands that change something are ours.
"""

import textwrap
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from updatectl import output
from updatectl.fleet import finding, moments
from updatectl.fleet.signs import Signs

Object = dict[str, Any]

REMEDIES: Mapping[str, str] = {
    "UpdatesDisabledByClient": "the instance, or its machine's policy, has to allow updates again",
    "VersionUnparsable": "`updatectl why {app} {instance} --version V` says what would happen at version V",
    "UpToDate": "`updatectl channel update {app} CHANNEL --version V` promotes another version",
    "RolloutPending": "`updatectl group status {app} {group}` says what the rollout waits for",
    "NoPath": "`updatectl channel update {app} CHANNEL --floor VERSION` adds a floor that takes it, "
    "`updatectl channel graph {app} CHANNEL` draws the way",
    "DeadEnd": "the machine has to be got out by hand; `updatectl package update {app} VERSION --no-dead-end` if it isn't one",
    "PackageUnavailable": "`updatectl package create {app} VERSION …` makes the package again",
    "Withdrawn": "`updatectl package update {app} VERSION --no-withdraw` gives it out again, `updatectl channel update {app} CHANNEL "
    "--version V` moves on",
    "VersionBlocked": "`updatectl group update {app} {group} --unblock VERSION`",
    "Excluded": "`updatectl group update {app} {group} --exclude-oem OEM --version-prefix P` changes whom the group serves and with what, "
    "`updatectl package create {app} VERSION --arch ARCH …` adds an architecture",
    "Paused": "`updatectl group unpause {app} {group}`",
    "Halted": "`updatectl group resume {app} {group}` lets it go on, `updatectl channel update {app} CHANNEL --version V` moves on",
    "Frozen": "`updatectl group update {app} {group} --no-freezes` ends it",
    "OutsideWindow": '`updatectl group update {app} {group} --window "DAYS TIME LENGTH ZONE"` names other windows, --no-windows none',
    "BackingOff": "`updatectl instance reset {app} {instance}` lets it try at once, "
    "`updatectl group update {app} {group} --retry-backoff LENGTH` changes how long it waits",
    "AttemptsExhausted": "`updatectl instance reset {app} {instance}` lets it try anew, "
    "`updatectl group update {app} {group} --retry N` lets all try more often",
    "DependencyNotMet": "`updatectl group status {app} {group}` says how far the groups are that go first, "
    "`updatectl group update {app} {group} --no-depends-on` waits for none",
    "AwaitingApproval": "`updatectl group approve {app} {group}`",
    "NotInCohort": "`updatectl group promote {app} {group}` opens the next wave at once, "
    "`updatectl group status {app} {group}` says what it waits for",
    "EnrolmentLimited": "the instance has to check again later: new ones are taken in again as time passes",
    "StaleCatalog": "`updatectl group status {app} {group}` says whether the operator is at work",
    "AnonymousInstance": "the instance has to send an id",
    "TooManyInFlight": "`updatectl group update {app} {group} --max-in-flight N` changes the limit, 0 removes it",
    "RateLimited": "`updatectl group update {app} {group} --update-count N --update-interval S` changes the limit, a count of 0 removes it",
    "StoreUnavailable": "the fleet store has to answer: see the Omaha service's log",
}
"""What would change a refusal, by its reason: a command where there is one."""

_VERDICTS = {"Passes": "passes", "Refuses": "refuses", "Skipped": "skipped"}
_NEVER_WRAPPED = 10_000


def refused(decision: Object) -> bool:
    """Whether the answer is no."""
    return str(decision["status"]["answer"]) != "Offer"


def lines(instance: Object, decision: Object, track: str, signs: Signs, *, width: int | None) -> Iterator[str]:
    """The decision for a person. `track` is the deciding group's; `width` is where lines are wrapped, None for nowhere."""
    status = decision["status"]
    now = moments.parse(status.get("evaluatedTime")) or moments.now()
    yield from _wrapped(_headline(instance, status), "", width)
    yield from _wrapped(output.printable(status.get("message", "")), "", width)
    yield ""
    yield from _facts(instance, status, now)
    rules = status.get("rules") or ()
    if rules:
        yield ""
        yield "Rules, in the order in which they are asked:"
    for rule in rules:
        yield from _rule(rule, status, now, signs, width)
    refusing = [rule for rule in rules if rule["verdict"] == "Refuses"]
    if refused(decision) and refusing:
        yield ""
        yield "What would change the answer:"
        for rule in refusing:
            yield from _wrapped(_change(rule, instance, track, now), "  ", width, hanging="    ")


def _headline(instance: Object, status: Object) -> str:
    name = finding.id_of(instance)
    version = output.printable(status.get("currentVersion", ""))
    assumed = f" if it ran {version}" if version != instance["status"]["version"] else ""
    if status["answer"] == "Offer":
        offered = output.printable(status.get("offeredVersion", ""))
        if status.get("repeated"):
            return f"{name} would be offered {offered} again{assumed}: it holds that update already."
        return f"{name} would be offered {offered} now{assumed}."
    if status["answer"] == "NoGroup":
        return f"{name} would be answered by no group now."
    return f"{name} would be offered nothing now{assumed}: {status.get('reason')}."


def _facts(instance: Object, status: Object, now: datetime) -> Iterator[str]:
    spec, own = instance["spec"], instance["status"]
    yield f"Application  {spec['appId']}"
    yield f"Group        {output.printable(spec['track'])}" + (f" ({status['group']})" if status.get("group") else "")
    yield f"Runs         {output.printable(own['version'])}, last seen {moments.ago(own.get('lastSeenTime'), now) or '-'}"
    following, target = status.get("nextVersion"), status.get("targetVersion")
    if following and target and following != target:
        yield f"Next         {output.printable(following)}, a floor on the way to {output.printable(target)}"
    update = own.get("update")
    if update is not None:
        moved = moments.ago(update.get("movedTime"), now)
        yield f"Last update  {output.printable(update['version'])}, {update['state']} {moved}".rstrip()
    if status["answer"] == "Refusal":
        until = moments.parse(status.get("until"))
        ends = "no time is known at which this ends by itself" if until is None else moments.both(until, now)
        yield f"Until        {ends}"


def _rule(rule: Object, status: Object, now: datetime, signs: Signs, width: int | None) -> Iterator[str]:
    mark = {"Passes": signs.passes, "Refuses": signs.refuses}.get(rule["verdict"], signs.skipped)
    verdict = _VERDICTS.get(rule["verdict"], str(rule["verdict"]).lower())
    until = moments.parse(rule.get("until"))
    yield f"  {mark} {rule['rule']:<24} {verdict}" + (f" until {moments.both(until, now)}" if until else "")
    message = output.printable(rule.get("message", ""))
    # The answer begins with what the first refusing rule says: that needn't be read twice.
    if not output.printable(status.get("message", "")).startswith(message):
        yield from _wrapped(message, "      ", width)


def _change(rule: Object, instance: Object, track: str, now: datetime) -> str:
    names = {
        "app": instance["spec"]["appId"],
        "group": finding.typed(track),
        "instance": finding.typed(instance["spec"]["instanceId"]),
    }
    remedy = REMEDIES.get(rule["rule"], "see above").format(**names)
    until = moments.parse(rule.get("until"))
    if until is None:
        return f"{rule['rule']}: {remedy}"
    return f"{rule['rule']}: it ends by itself {moments.relative(until, now)}; or {remedy}"


def _wrapped(text: str, indent: str, width: int | None, *, hanging: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        width or _NEVER_WRAPPED,
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
