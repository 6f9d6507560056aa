"""How is a group going? What its Group, its Channel and its counts say together: its state, whether it is done, what it waits for.

The counts are the fleet API's where they are about the rollout that the Group's status names, and else the operator's last ones.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from updatectl import output

Object = dict[str, Any]


@dataclass(frozen=True)
class Picture:
    """What is known of a group at a moment. `trouble` says why the counts may be old, empty if they aren't."""

    app_id: str
    group: Object | None
    progress: Object | None = None
    channel: Object | None = None
    trouble: str = ""

    @property
    def counts(self) -> Mapping[str, int]:
        """The group's instances; empty before the first count."""
        own = self._status.get("instances") or {}
        counted = (self.progress or {}).get("status", {})
        same = counted.get("rollout", {}).get("sequence") == self.rollout.get("sequence")
        return counted.get("instances", own) if same else own

    @property
    def waves(self) -> Mapping[str, Mapping[str, int]]:
        """The counts of the rollout's waves, by name; empty where the fleet API has none of this rollout."""
        counted = (self.progress or {}).get("status", {})
        if counted.get("rollout", {}).get("sequence") != self.rollout.get("sequence"):
            return {}
        return {wave["name"]: wave for wave in counted.get("waves") or ()}

    @property
    def halted_by_hand(self) -> bool:
        """Whether spec.rollout.halt is of the version that the group moves to."""
        from update_core import versions  # kept out of help and completion

        halt = ((self.group or {}).get("spec", {}).get("rollout") or {}).get("halt") or {}
        return bool(halt) and versions.same(halt.get("version", ""), self.rollout.get("version", ""))

    @property
    def moved_back(self) -> bool:
        """Whether the version that the channel names was halted, and its instances are moved back."""
        from update_core import versions  # as above

        back = self.rollout.get("fromVersion", "") if self.rollout.get("kind") == "Rollback" else ""
        return bool(back) and bool(self.wanted) and versions.same(back, self.wanted)

    @property
    def rollout(self) -> Object:
        """The rollout as the operator stamped it; empty before the first."""
        return self._status.get("rollout") or {}

    @property
    def target(self) -> str:
        """The version that the group moves to, empty before the first."""
        return output.printable((self._status.get("target") or {}).get("version", ""))

    @property
    def wanted(self) -> str:
        """The version that the channel names, empty if that isn't known."""
        return output.printable((self.channel or {}).get("spec", {}).get("version", ""))

    @property
    def observed(self) -> bool:
        """Whether the operator has seen the spec as it is."""
        generation = (self.group or {}).get("metadata", {}).get("generation")
        return generation is not None and self._status.get("observedGeneration") == generation

    @property
    def stamped(self) -> bool:
        """Whether the group moves, or has moved, to what its channel names now."""
        from update_core import versions  # kept out of help and completion

        return bool(self.target) and (not self.wanted or versions.same(self.target, self.wanted))

    @property
    def complete(self) -> bool:
        """Whether the rollout to what the channel names now is complete, said of this very spec."""
        done = self.condition("RolloutComplete")
        generation = (self.group or {}).get("metadata", {}).get("generation")
        current = done.get("observedGeneration") == generation
        return done.get("status") == "True" and current and self.observed and self.stamped

    def condition(self, kind: str) -> Object:
        """The condition of this type, empty if there is none."""
        return next((c for c in self.conditions if c.get("type") == kind), {})

    @property
    def conditions(self) -> list[Object]:
        """The Group's conditions."""
        return list(self._status.get("conditions") or ())

    @property
    def _status(self) -> Object:
        return dict((self.group or {}).get("status") or {})


def state(picture: Picture) -> str:
    """How the group is going, in a word."""
    if picture.group is None:
        return "Deleted"
    if not picture.observed:
        return "Pending"
    if picture.condition("Ready").get("status") == "False":
        return "NotReady"
    if not (picture.stamped or picture.moved_back):
        return "Pending"
    if picture.complete:
        return "Complete"
    if picture.group["spec"].get("paused"):
        return "Paused"
    progressing = picture.condition("Progressing")
    return "Progressing" if progressing.get("status") == "True" else str(progressing.get("reason", "Pending"))


def waits(picture: Picture) -> list[str]:
    """What has to happen before the rollout is complete, the first thing first."""
    group = picture.group
    if group is None:
        return ["the Group, which was deleted"]
    if not picture.observed:
        return ["the operator, which has yet to see the Group's latest change"]
    ready = picture.condition("Ready")
    if ready.get("status") == "False":
        return [f"a correction: {message(ready)}"]
    if picture.complete:
        return []
    handle = f"{picture.app_id} {shlex.quote(output.printable(group['spec']['track']))}"
    found = []
    available = picture.condition("PackageAvailable")
    if available.get("status") == "False":
        found.append(f"a package: {message(available)}")
    elif not (picture.stamped or picture.moved_back):
        found.append(f"the operator, which has yet to begin the rollout to {picture.wanted or 'a version'}")
    prefix = group["spec"].get("versionPolicy", {}).get("prefix", "")
    if prefix and picture.wanted and not _begins_with(picture.wanted, prefix):
        found.append(
            f"a version of the channel that begins with {prefix}, or `updatectl group update {handle} --version-prefix P`"
        )
    if group["spec"].get("paused"):
        found.append(f"`updatectl group unpause {handle}`")
    found += [_BLOCKED[reason].format(handle=handle) for reason, _ in blockers(picture) if reason in _BLOCKED]
    return found + _instances(picture)


_BLOCKED = {
    "Halted": "`updatectl group resume {handle}`, or another version of the channel",
    "RolledBack": "another version of the channel, or `updatectl group resume {handle}`",
    "Frozen": "the end of a freeze",
    "OutsideWindow": "a maintenance window",
    "DependencyNotMet": "groups that go first",
    "AwaitingApproval": "`updatectl group approve {handle}`",
    "Baking": "the end of a bake",
}


def blockers(picture: Picture) -> list[tuple[str, str]]:
    """What keeps every instance from being given an update, as the operator says: reason and message."""
    status = (picture.group or {}).get("status") or {}
    return [
        (output.printable(blocker.get("reason", "")), output.printable(blocker.get("message", "")))
        for blocker in status.get("blockers") or ()
    ]


def _begins_with(version: str, prefix: str) -> bool:
    from update_core import versions  # as above

    return versions.has_prefix(version, prefix)


def _instances(picture: Picture) -> list[str]:
    counts = picture.counts
    if not counts or not picture.stamped:
        return []
    if not counts.get("active"):
        return ["an instance that checks for updates"]
    missing = counts["active"] - counts.get("onTarget", 0)
    flying = counts.get("inProgress", 0)
    found = []
    if missing > 0:
        found.append(f"{number(missing, 'active instance')} below the target, of which {flying} in flight at most")
    elif flying:
        found.append(f"{number(flying, 'update')} in flight")
    return found


def message(condition: Object) -> str:
    """What a condition says, fit for a line."""
    return output.printable(condition.get("message", ""))


def number(count: int, noun: str) -> str:
    """`1 update`, `2 updates`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
