"""Why does the rollout itself let nobody in: it is halted, it waits, or it was moved back. With what to do about it."""

from collections.abc import Iterator
from datetime import datetime

from update_core.rollout.advance import Waiting
from update_core.rollout.model import Reason
from update_core.rollout.moments import instant
from update_operator.reconcile import advancing, history
from update_operator.reconcile.decided import Decided

Told = Iterator[tuple[str, str]]
"""Reasons with their messages."""

MOVED_BACK = "RolledBack"
BAKING = "Baking"


def halted(decided: Decided) -> Told:
    """Failures, or a person, stopped it."""
    rollout, name = decided.rollout, decided.name
    if rollout is not None and rollout.halted is not None:
        found = rollout.halted
        told = [f"Failures halted rollout {rollout.sequence} to {rollout.version}: {found.message}"]
        if found.errors:
            told.append(advancing.errors_text(tuple((each.code, each.count) for each in found.errors)))
        if decided.stamps.no_way_back:
            told.append(decided.stamps.no_way_back)
        told.append(f"Name a better version in the Channel, or let it go on with `updatectl group resume {name}`.")
        yield Reason.HALTED, " ".join(told)
    by_hand = decided.halted_by_a_person
    if by_hand:
        text = f"spec.rollout.halt stops the rollout: {by_hand.removesuffix('.')}."
        yield Reason.HALTED, f"{text} `updatectl group resume {name}` takes it away."


def waiting(decided: Decided) -> Told:
    """It lets nobody new in before something has happened."""
    wait = decided.stamps.wait
    if wait is None or decided.problem is not None:
        return
    match wait.what:
        case Waiting.DEPENDENCY:
            yield Reason.DEPENDENCY_NOT_MET, _until(wait.text, wait.until)
        case Waiting.APPROVAL:
            yield Reason.AWAITING_APPROVAL, f"{wait.text} `updatectl group approve {decided.name}` does."
        case Waiting.BAKING:
            yield BAKING, f"Nothing new is let in: {_until(wait.text[0].lower() + wait.text[1:], wait.until)}"
        case _:
            return


def moved_back(decided: Decided) -> Told:
    """What the channel names was halted, and its instances are moved back."""
    rollout = decided.rollout
    if rollout is None or rollout.from_version is None or decided.wanted == rollout.version:
        return
    halted_rollout = history.rolled_back(decided.stamps.history, rollout.from_version)
    number = f"Rollout {halted_rollout.sequence}" if halted_rollout is not None else "The rollout"
    text = f"{number} to {rollout.from_version} was halted, and its instances are moved back to {rollout.version}."
    todo = f"Name a better version in the Channel, or begin it anew with `updatectl group resume {decided.name}`."
    yield MOVED_BACK, f"{text} {todo}"


def _until(text: str, until: datetime | None) -> str:
    return text if until is None else f"{text.removesuffix('.')}, until {instant(until)}."
