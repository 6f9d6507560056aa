"""Why does nothing move? What at this moment keeps every instance of a Group from being given an update, in words.

Only what holds for all of them, or for all below a floor, and what the operator knows: which instances are excluded, and when a limit lets
the next one through, the Omaha service says of each instance.
"""

from collections.abc import Callable

from update_core import versions
from update_core.resources.group import Blocker
from update_core.rollout import schedule_texts
from update_core.rollout.model import Reason
from update_operator.reconcile import availability, rollout_blockers, sizes
from update_operator.reconcile.decided import Decided
from update_operator.reconcile.rollout_blockers import Told

MAX_BLOCKERS = 8
_MAX_MESSAGE = 1024


def find(decided: Decided) -> list[Blocker]:
    """The blockers in the order of the rules that refuse, one for each reason; none where nothing is left to hold back."""
    if nothing_to_hold_back(decided):
        return []
    found: dict[str, list[str]] = {}
    for tell in _OF_A_MOVE_BACK if decided.moved_back else _ALL:
        for reason, message in tell(decided):
            found.setdefault(reason, []).append(message)
    return [Blocker(reason=reason, message=sizes.cut(" ".join(told), _MAX_MESSAGE)) for reason, told in found.items()][
        :MAX_BLOCKERS
    ]


def nothing_to_hold_back(decided: Decided) -> bool:
    """Whether the rollout to what the channel says is complete."""
    rollout = decided.rollout
    if decided.problem is not None or not decided.packages or decided.stamps.pending or rollout is None:
        return False
    return rollout.completed_time is not None and rollout.halted is None and not decided.moved_back


def _not_ready(decided: Decided) -> Told:
    if decided.problem is not None:
        yield decided.problem.reason, decided.problem.message


def _no_rollout(decided: Decided) -> Told:
    """Nothing is offered before the operator has stamped what the channel says."""
    wanted, target = decided.wanted, decided.stamps.target
    if decided.problem is not None or wanted is None:
        return
    if decided.stamps.pending:
        yield Reason.ROLLOUT_PENDING, decided.stamps.pending
    elif decided.moved_back:
        return
    elif not decided.packages and target is not None and versions.same(target.version, wanted):
        yield (
            Reason.PACKAGE_UNAVAILABLE,
            f"Every Package of version {wanted}, with which the rollout was begun, is gone. Apply one: a rollout begins with it.",
        )
    elif not decided.packages:
        yield Reason.ROLLOUT_PENDING, f"No Package of version {wanted} exists. Apply one: the rollout begins with it."


def _floors(decided: Decided) -> Told:
    """A floor keeps only those back that are below it, but all of them."""
    missing = availability.missing_floors(decided.packages, decided.steps)
    if decided.packages and missing:
        yield Reason.PACKAGE_UNAVAILABLE, missing


def _withdrawn(decided: Decided) -> Told:
    if decided.wanted is not None:
        said = availability.withdrawn(decided.wanted, decided.packages)
        if said:
            yield Reason.WITHDRAWN, said
    for said in map(availability.withdrawn_floor, decided.steps):
        if said:
            yield Reason.WITHDRAWN, said


def _version_blocked(decided: Decided) -> Told:
    policy, wanted = decided.group.spec.version_policy, decided.wanted
    blocked = policy.blocked_versions if policy is not None else []
    for version in [wanted, *(step.floor.version for step in decided.steps)]:
        if version is not None and any(versions.same(version, each) for each in blocked):
            floor = "" if version == wanted else ", a floor past which nobody goes"
            yield (
                Reason.VERSION_BLOCKED,
                f"The group blocks {version}{floor}. Take it out of spec.versionPolicy.blockedVersions.",
            )


def _excluded(decided: Decided) -> Told:
    policy, wanted, target = decided.group.spec.version_policy, decided.wanted, decided.stamps.target
    prefix = policy.prefix if policy is not None else None
    if not prefix or wanted is None:
        return
    offered = [wanted, *(target.floor_versions if target is not None else ())]
    if not any(versions.has_prefix(version, prefix) for version in offered):
        outside = f"The group takes only versions that begin with {prefix!r}, and {wanted} doesn't."
        yield Reason.EXCLUDED, f"{outside} Change spec.versionPolicy.prefix, or the channel's version."


def _paused(decided: Decided) -> Told:
    if decided.group.spec.paused:
        yield Reason.PAUSED, "The group is paused. Set spec.paused to false to go on."


def _frozen(decided: Decided) -> Told:
    if decided.schedule.at(decided.now).thaws_at is not None:
        yield Reason.FROZEN, f"The group is {schedule_texts.frozen(decided.schedule, decided.now)}."


def _outside_window(decided: Decided) -> Told:
    if decided.schedule.at(decided.now).opens_at is not None:
        text = schedule_texts.outside(decided.schedule, decided.now)
        yield Reason.OUTSIDE_WINDOW, f"The group is outside its maintenance windows: {text}."


_ALL: tuple[Callable[[Decided], Told], ...] = (
    _not_ready,
    _no_rollout,
    _floors,
    _withdrawn,
    _version_blocked,
    _excluded,
    _paused,
    rollout_blockers.halted,
    _frozen,
    _outside_window,
    rollout_blockers.waiting,
)
_OF_A_MOVE_BACK: tuple[Callable[[Decided], Told], ...] = (
    _not_ready,
    _no_rollout,
    rollout_blockers.moved_back,
    _paused,
    rollout_blockers.halted,
    _frozen,
    _outside_window,
)
"""What is wrong with the channel's version holds nobody back who is on the way down from it."""
