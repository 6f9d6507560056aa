"""What does a person's word about a rollout change? Approving a wave, opening it at once, halting, resuming → the fields of a Group's spec.

Each names the version or the rollout that it is about, so that none of them leaks into the next. Decided here, written next door.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from update_core import versions
from update_core.rollout import admission
from update_core.rollout.plan import Approval
from update_core.rollout.waves import Wave
from updatectl import rollout_standing
from updatectl.errors import CommandError
from updatectl.rollout_standing import Standing


@dataclass(frozen=True)
class Act:
    """Fields to change, none where there is nothing to do; what was done, how it stands before and after, and what else is to be known."""

    said: str
    changes: Mapping[str, Any]
    before: str = ""
    after: str = ""
    notes: tuple[str, ...] = ()


def approve(standing: Standing, name: str | None, *, skip_bake: bool) -> Act:
    """Let a wave open that needs it, by default the next one. Raises CommandError where there is none, or it is open."""
    unopened = rollout_standing.planned(standing)
    wave = _named(standing, name) if name is not None else _waiting(standing, unopened, skip_bake=skip_bake)
    place = unopened.index(wave)
    if _approved(standing, wave, skip_bake=skip_bake):
        return Act(f"wave {wave.name} is approved already, {standing.whom}: nothing was changed", {})
    if not skip_bake and not any(each.approval_required for each in unopened[: place + 1]):
        raise CommandError(
            f"wave {wave.name} needs no approval: it {standing.opens(wave, standing.plan)}. "
            f"`updatectl group promote {standing.handle} --wave {wave.name}` opens it at once."
        )
    return _approval(standing, wave, f"approved wave: {wave.name}", skip_bake=skip_bake)


def promote(standing: Standing, name: str | None, *, to_last: bool) -> Act:
    """Open the next wave at once, or all up to the one that is named. Raises CommandError where there is none, or nothing may open."""
    unopened = rollout_standing.planned(standing)
    if standing.halts:
        raise CommandError(
            f"the rollout is {standing.halts[0]}. No wave of it opens before `updatectl group resume {standing.handle}`."
        )
    wave = _named(standing, name) if name is not None else unopened[-1 if to_last else 0]
    if _approved(standing, wave, skip_bake=True):
        said = f"wave {wave.name} was promoted already, {standing.whom}, and the operator has yet to open it: nothing was changed"
        return Act(said, {}, notes=tuple(standing.notes))
    return _approval(standing, wave, f"promoted wave: {wave.name}", skip_bake=True)


def halt(standing: Standing, reason: str) -> Act:
    """Stop the rollout to the version that it is about."""
    if standing.halted_by_hand == reason:
        return Act(f"it is halted for this reason already, {standing.whom}: nothing was changed", {})
    return Act(
        f"halted rollout: {standing.rollout.sequence}, of version: {standing.version}, {standing.whom}",
        {"rollout.halt": {"version": standing.version, "reason": reason}},
        before="; ".join(standing.halts) or "not halted",
        after=f"halted by spec.rollout.halt: {reason}",
        notes=("what is in flight may finish",),
    )


def resume(standing: Standing, wanted: str | None) -> Act:
    """Let a halted rollout go on; `wanted` is the version that the channel names. Nothing to do where it isn't halted."""
    changes: dict[str, Any] = {}
    after: list[str] = []
    if standing.halted_by_hand:
        changes["rollout.halt"] = None
    resumable = _resumable(standing, wanted)
    if resumable is not None:
        sequence, epoch, effect = resumable
        given = standing.plan.resume
        if given is not None and given.sequence == sequence and given.epoch >= epoch and not changes:
            said = f"rollout {sequence} was resumed already, {standing.whom}, and the operator has yet to see it: nothing was changed"
            return Act(said, {})
        changes["rollout.resume"] = {"sequence": sequence, "epoch": epoch}
        after.append(effect)
    if not changes:
        return Act(f"{_not_halted(standing, wanted)}, {standing.whom}: nothing was changed", {})
    notes = [note for note in standing.notes if not note.startswith("it is halted")]
    if standing.course.halted is not None and resumable is not None:
        notes.append("its failures, and the attempts of its instances, are counted anew")
    return Act(
        f"resumed rollout: {changes.get('rollout.resume', {}).get('sequence', standing.rollout.sequence)}, {standing.whom}",
        changes,
        before="; ".join(standing.halts) or f"moved back from {standing.rollout.from_version} to {standing.version}",
        after="; ".join(after) or f"rollout {standing.rollout.sequence} to {standing.version} goes on",
        notes=tuple(notes),
    )


def for_git(changes: Mapping[str, Any]) -> str:
    """What somebody has to write who keeps the Group in a repository."""
    said = []
    for path, value in changes.items():
        if value is None:
            said.append(f"take spec.{path} out")
        else:
            inner = ", ".join(f"{name}: {_scalar(each)}" for name, each in value.items())
            said.append(f"write spec.{path}: {{{inner}}}")
    return f"There, {' and '.join(said)}."


def _named(standing: Standing, name: str) -> Wave:
    place = standing.plan.index(name)
    if standing.course.is_open(name) or (place is not None and place <= standing.opened_up_to):
        raise CommandError(
            f"wave {name} is open already. To come are: {', '.join(wave.name for wave in standing.unopened)}."
        )
    if place is None:
        raise CommandError(
            f"there is no wave {name}. They are: {', '.join(wave.name for wave in standing.plan.waves)}; "
            f"`updatectl group status {standing.handle}` shows how they stand."
        )
    return standing.plan.waves[place]


def _waiting(standing: Standing, unopened: tuple[Wave, ...], *, skip_bake: bool) -> Wave:
    """The next wave that needs an approval and hasn't it; else one that has it."""
    needing = [wave for wave in unopened if wave.approval_required]
    waiting = [wave for wave in needing if not _approved(standing, wave, skip_bake=skip_bake)]
    if not needing:
        upcoming = unopened[0]
        raise CommandError(
            f"no wave waits for an approval: wave {upcoming.name} {standing.opens(upcoming, standing.plan)}. "
            f"`updatectl group promote {standing.handle}` opens it at once."
        )
    return waiting[0] if waiting else needing[-1]


def _approved(standing: Standing, wave: Wave, *, skip_bake: bool) -> bool:
    approval = standing.plan.approval
    if approval is None or not admission.plan_approves(standing.plan, standing.version, wave):
        return False
    return approval.skip_bake or not skip_bake


def _approval(standing: Standing, wave: Wave, said: str, *, skip_bake: bool) -> Act:
    given = Approval(standing.version, wave.name, skip_bake=skip_bake)
    notes = standing.notes
    before = standing.plan.approval
    # One approval stands at a time; the last word counts, and what it takes away is said.
    if before is not None and versions.same(before.version, standing.version) and before.wave != wave.name:
        skipped = " with its bakes skipped" if before.skip_bake else ""
        if any(each.name == before.wave for each in standing.unopened):
            notes.insert(0, f"this takes the place of the approval of wave {before.wave}{skipped}")
    wire = {"version": given.version, "wave": given.wave, "bake": "Skip" if skip_bake else "Respect"}
    return Act(
        f"{said}, of version: {standing.version}, {standing.whom}",
        {"rollout.approval": wire},
        before=standing.opens(wave, standing.plan),
        after=standing.opens(wave, replace(standing.plan, approval=given)),
        notes=tuple(notes),
    )


def _resumable(standing: Standing, wanted: str | None) -> tuple[int, int, str] | None:
    """The rollout that can be resumed, how often it is then, and what comes of it."""
    rollout = standing.rollout
    if standing.course.halted is not None:
        return rollout.sequence, rollout.epoch + 1, f"rollout {rollout.sequence} to {rollout.version} goes on"
    back = standing.rolled_back
    # A move back that a person halted goes on first: what it undoes isn't begun by the same word.
    if standing.halted_by_hand or back is None or wanted is None or not versions.same(wanted, back.version):
        return None
    return back.sequence, back.epoch + 1, f"a new rollout to {back.version} begins"


def _not_halted(standing: Standing, wanted: str | None) -> str:
    rollout = standing.rollout
    if rollout.kind == "Rollback":
        back = f"rollout {rollout.sequence} moves instances back from {rollout.from_version}"
        return f"{back}, and the channel names {wanted or 'no version'}: that isn't halted"
    return f"rollout {rollout.sequence} to {rollout.version} isn't halted"


def _scalar(value: object) -> str:
    """As YAML has it: JSON's texts and numbers are its own too."""
    return json.dumps(value, ensure_ascii=False)
