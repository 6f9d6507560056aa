"""How does a group's state read? As one screen, or as one line."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from updatectl import output
from updatectl.fleet import group_picture, group_rollout, group_times, group_waves, moments
from updatectl.fleet.group_picture import Picture
from updatectl.fleet.signs import Signs

Object = dict[str, Any]

_BAR = 20
_NAMES = 13
_MOVING = (("inProgress", "in flight"), ("failed", "failed"))


def line(picture: Picture) -> str:
    """The group in a line: where it moves, how far it is, its state."""
    counts = picture.counts
    far = f"{counts.get('onTarget', 0)}/{counts.get('active', 0)} on target" if counts else "not counted yet"
    parts = [picture.target or "-", far]
    parts += [f"{counts[field]} {word}" for field, word in _MOVING if counts.get(field)]
    opened = picture.rollout.get("open") or ()
    if opened and (picture.group or {}).get("spec", {}).get("rollout", {}).get("waves"):
        parts.append(f"wave {opened[-1]['name']}")
    parts.append(group_picture.state(picture))
    if picture.trouble:
        parts.append(f"({picture.trouble})")
    return "  ".join(parts)


def lines(picture: Picture, signs: Signs, now: datetime) -> Iterator[str]:
    """The whole screen."""
    group = picture.group
    if group is None:
        yield "The Group was deleted."
        return
    spec = group["spec"]
    label = f" ({output.printable(spec['displayName'])})" if spec.get("displayName") else ""
    yield f"Group {output.printable(spec['track'])}{label} of application {picture.app_id}: {group_picture.state(picture)}"
    yield ""
    yield _row("Object", f"{group['metadata']['namespace']}/{group['metadata']['name']}")
    yield _row("Channel", _channel(picture, signs))
    yield _row("Target", _target(picture, now))
    yield _row("Progress", _progress(picture.counts, signs))
    yield _row("Instances", _counted(picture.counts))
    if picture.trouble:
        yield _row("", f"{picture.trouble}: the counts may be old")
    yield _row("Limits", _limits(spec))
    if served := _served(spec):
        yield _row("Serves", served)
    for name, value in group_times.rows(spec, now):
        yield _row(name, value)
    rollout = group_rollout.read(picture)
    for name, value in group_rollout.rows(picture, rollout, now):
        yield _row(name, value)
    for number, (reason, text) in enumerate(group_picture.blockers(picture)):
        yield _row("Blocked by" if number == 0 else "", f"{reason}: {text}")
    yield _row("Waits for", "; ".join(group_picture.waits(picture)) or "nothing")
    yield ""
    table = list(group_waves.lines(picture, rollout, now)) if rollout is not None else []
    if table:
        yield from (*table, "")
    yield from _conditions(picture, now)


def _row(name: str, value: str) -> str:
    return f"{name:<{_NAMES}}{value}".rstrip()


def _channel(picture: Picture, signs: Signs) -> str:
    if picture.channel is None:
        name = (picture.group or {})["spec"]["channelRef"]["name"]
        return f"{name}, which is not there"
    return f"{output.printable(picture.channel['spec']['name'])} {signs.arrow} {picture.wanted}"


def _target(picture: Picture, now: datetime) -> str:
    if not picture.target:
        return "none yet"
    rollout = picture.rollout
    parts = [picture.target]
    if rollout:
        parts.append(f"{'rollback' if rollout.get('kind') == 'Rollback' else 'rollout'} {rollout['sequence']}")
    for field, word in (("startedTime", "begun"), ("completedTime", "complete")):
        moment = moments.parse(rollout.get(field))
        if moment is not None:
            parts.append(f"{word} {moments.both(moment, now)}")
    return ", ".join(parts)


def _progress(counts: Mapping[str, int], signs: Signs) -> str:
    if not counts:
        return "not counted yet"
    active, done = counts.get("active", 0), counts.get("onTarget", 0)
    if not active:
        return "no active instance"
    filled = _BAR * done // active
    return (
        f"{signs.full * filled}{signs.empty * (_BAR - filled)} {done} of {active} on target, {100 * done // active} %"
    )


def _counted(counts: Mapping[str, int]) -> str:
    if not counts:
        return "not counted yet"
    words = {
        "total": "known",
        "active": "active",
        "onTarget": "on target",
        "inProgress": "in flight",
        "failed": "failed",
    }
    return ", ".join(f"{counts.get(field, 0)} {word}" for field, word in words.items())


def _limits(spec: Object) -> str:
    rate, most = spec.get("rateLimit"), spec.get("maxInFlight")
    parts = []
    if rate:
        parts.append(
            f"{group_picture.number(rate['maxUpdates'], 'update')} in any {moments.duration(rate['periodSeconds'])}"
        )
    if most:
        parts.append(f"{most} in flight at once")
    shown = " and ".join(parts) if parts else "none"
    times = [
        f"{moments.duration(spec[field])} {word}"
        for field, word in (("updateTimeoutSeconds", "for an update"), ("rebootTimeoutSeconds", "for a restart"))
        if spec.get(field)
    ]
    return f"{shown}; time-outs: {', '.join(times)}" if times else shown


def _served(spec: Object) -> str:
    """Whom and with what, where that isn't everybody with everything."""
    policy, oems = spec.get("versionPolicy", {}), spec.get("exclude", {}).get("oems", ())
    parts = []
    if policy.get("prefix"):
        parts.append(f"versions that begin with {policy['prefix']} only")
    if policy.get("allowDowngrade"):
        parts.append("lower ones to who asks for a rollback")
    if oems:
        parts.append(f"no instance with OEM {' or '.join(oems)}")
    if spec.get("onDemand") == "BypassLimits":
        parts.append("checks on demand past the rate")
    return "; ".join(parts)


def _conditions(picture: Picture, now: datetime) -> Iterator[str]:
    if not picture.conditions:
        yield "The operator has not said anything yet."
        return
    rows = [("Condition", "Status", "Since", "Reason", "Message")]
    rows += [
        (
            str(c.get("type")),
            str(c.get("status")),
            moments.ago(c.get("lastTransitionTime"), now),
            str(c.get("reason")),
            group_picture.message(c),
        )
        for c in picture.conditions
    ]
    yield from output.aligned(rows)
