"""What becomes of a Group's rollout in one look at it? One begins, goes on, is moved back, is complete: each step from the one before."""

from dataclasses import replace

from update_operator.reconcile import advancing, beginnings, rollback
from update_operator.reconcile.grounds import Grounds
from update_operator.reconcile.stamps import Stamps


def decide(grounds: Grounds) -> Stamps:
    """The stamps as they should be. Deciding again on what is written then changes nothing."""
    decided = _once(grounds)
    rollout = decided.rollout
    if rollout is None or rollout.kind == "Update" or rollout.completed_time is None:
        return decided
    # A move back that has come to its end keeps nothing from beginning any more.
    written = {"target": decided.target, "rollout": rollout, "history": list(decided.history)}
    following = _once(replace(grounds, status=grounds.status.model_copy(update=written)))
    return replace(following, notices=(*decided.notices, *following.notices))


def _once(grounds: Grounds) -> Stamps:
    stamps = advancing.advanced(grounds, beginnings.begun(grounds))
    back = rollback.begun(grounds, stamps)
    if back.rollout != stamps.rollout:
        back = advancing.advanced(grounds, back)
    return advancing.completed(grounds, back)
