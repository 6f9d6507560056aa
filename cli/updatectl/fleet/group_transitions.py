"""What has happened to a group's rollout between two looks at it? It began, waves opened and settled, it was halted, resumed, completed."""

from collections.abc import Iterator
from typing import Any

from updatectl import output
from updatectl.fleet.group_picture import Picture

Object = dict[str, Any]

_PPM_OF_PERCENT = 10_000


def between(before: Picture | None, after: Picture) -> list[str]:
    """What happened, in sentences, in the order in which it did; nothing at the first look."""
    if before is None or before.group is None or after.group is None or not after.rollout:
        return []
    was, now = before.rollout, after.rollout
    found: list[str] = []
    if was.get("sequence") != now.get("sequence"):
        found.append(_begun(now))
        was = {}
    found += _waves(was, now, after)
    if now.get("epoch", 0) > was.get("epoch", 0):
        found.append(f"rollout {now['sequence']} was resumed")
    if now.get("halted") and now["halted"] != was.get("halted"):
        found.append(_halted(now))
    if after.halted_by_hand and not before.halted_by_hand:
        reason = after.group["spec"]["rollout"]["halt"].get("reason", "")
        found.append(f"rollout {now['sequence']} was halted by spec.rollout.halt: {output.printable(reason)}")
    if before.halted_by_hand and not after.halted_by_hand and was:
        found.append(f"spec.rollout.halt no longer holds rollout {now['sequence']} back")
    if now.get("completedTime") and not was.get("completedTime"):
        found.append(f"rollout {now['sequence']} to {output.printable(now['version'])} is complete")
    return found


def _begun(now: Object) -> str:
    if now.get("kind") == "Rollback":
        return f"rollout {now['sequence']} began: it moves instances back from {now.get('fromVersion')} to {now['version']}"
    return output.printable(f"rollout {now['sequence']} to {now['version']} began")


def _waves(was: Object, now: Object, after: Picture) -> Iterator[str]:
    known = {wave["name"]: wave for wave in was.get("open") or ()}
    for wave in now.get("open") or ():
        name = wave["name"]
        if name not in known:
            expected = f", {wave['expected']} expected" if wave.get("expected") else ""
            yield f"wave {name} was opened: {_share(wave)}{expected}"
        if wave.get("settledTime") and not known.get(name, {}).get("settledTime"):
            counted = after.waves.get(name)
            far = f": {counted.get('succeeded', 0)} succeeded, {counted.get('failed', 0)} failed" if counted else ""
            yield f"wave {name} has settled{far}"


def _share(wave: Object) -> str:
    if wave.get("cap") is not None:
        return f"{wave['cap']} instances"
    return f"{wave.get('threshold', 0) / _PPM_OF_PERCENT:g} %"


def _halted(now: Object) -> str:
    halted = now["halted"]
    errors = ", ".join(f"error {each['code']} of {each['count']}" for each in halted.get("errors") or ())
    most = f" (reported most: {errors})" if errors else ""
    return f"rollout {now['sequence']} was halted by its failures: {output.printable(halted.get('message', ''))}{most}"
