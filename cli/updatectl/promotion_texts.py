"""How does a promotion read before it is done? As lines for people, as a document for programs."""

from collections.abc import Iterator
from typing import Any

from updatectl import floors, output, promotion_warnings
from updatectl.fleet import moments
from updatectl.fleet.signs import Signs
from updatectl.promotion import FloorDifference, Follower, Offered, Promotion

_MOST_GROUPS = 20
_NAMES = 10


def lines(promotion: Promotion, signs: Signs, *, all_groups: bool = False) -> Iterator[str]:
    """What changes, whom it concerns, and what speaks against it; the first groups only, where not all are wanted."""
    source = f", from {promotion.source}" if promotion.source is not None else ""
    yield output.printable(f"Channel {promotion.channel} of {promotion.app_id}{source}")
    yield ""
    yield _row("Version", f"{promotion.before} {signs.arrow} {promotion.after}" if promotion.moves else promotion.after)
    for number, text in enumerate(_floor_lines(promotion, signs)):
        yield _row("" if number else "Floors", text)
    yield _row("Packages", "; ".join(map(_offered, promotion.offered)))
    yield _row("Groups", _counted(promotion))
    if promotion.followers:
        yield ""
        yield from _group_lines(promotion.followers if all_groups else promotion.followers[:_MOST_GROUPS])
        left = len(promotion.followers) - _MOST_GROUPS
        if left > 0 and not all_groups:
            yield f"  and {left} more, which -o wide shows"
    for number, warned in enumerate(promotion_warnings.of(promotion)):
        if number == 0:
            yield ""
        yield output.printable(f"{signs.refuses} {warned.reason}: {warned.message}")


def nothing(promotion: Promotion) -> str:
    """That there is nothing to do, and what there is beside it."""
    said = f"channel {promotion.channel} of {promotion.app_id} is at {promotion.after} already: nothing was changed"
    if promotion.floors:
        said += f"; its floors aren't those of {promotion.source}, --with-floors copies them"
    return output.printable(said)


def done(promotion: Promotion) -> str:
    """What was changed, in a sentence."""
    said = f"promoted channel: {promotion.channel}, for application: {promotion.app_id}, to version: {promotion.after}"
    return output.printable(said)


def question(promotion: Promotion) -> str:
    """What is asked before it is done."""
    what = f"to {promotion.after}" if promotion.moves else f"to the floors of {promotion.source}"
    return output.printable(f"Move channel {promotion.channel} {what}?")


def document(promotion: Promotion, *, applied: bool) -> dict[str, Any]:
    """The same for programs; `applied` says whether it was done."""
    source = {"from": promotion.source} if promotion.source is not None else {}
    return {
        "appId": promotion.app_id,
        "channel": promotion.channel,
        **source,
        "version": {"before": promotion.before, "after": promotion.after},
        "floors": {
            "copied": promotion.with_floors,
            "differences": [_floor_document(floor) for floor in promotion.floors],
        },
        "packages": [_offered_document(offered) for offered in promotion.offered],
        "groups": [_follower_document(follower) for follower in promotion.followers],
        "warnings": [
            {"reason": str(warned.reason), "message": warned.message} for warned in promotion_warnings.of(promotion)
        ],
        "changes": promotion.changes,
        "applied": applied,
    }


def _row(name: str, value: str) -> str:
    return output.printable(f"{name:<{_NAMES}}{value}").rstrip()


def _floor_lines(promotion: Promotion, signs: Signs) -> Iterator[str]:
    for floor in promotion.floors:
        if floor.before is None and floor.after is not None:
            yield f"+ {floors.text(floor.after.to_wire())}"
        elif floor.after is None and floor.before is not None:
            yield f"- {floors.text(floor.before.to_wire())}"
        elif floor.before is not None and floor.after is not None:
            yield f"~ {floors.text(floor.before.to_wire())} {signs.arrow} {floors.text(floor.after.to_wire())}"
    if promotion.floors and not promotion.with_floors:
        yield f"(so they differ from those of {promotion.source}; they stay as they are without --with-floors)"


def _offered(offered: Offered) -> str:
    standing = "withdrawn" if offered.withdrawn else "dead end" if offered.dead_end else ""
    found = f"{offered.package} ({standing})" if standing else offered.package or "none"
    return f"{offered.arch or 'all architectures'}: {found}"


def _counted(promotion: Promotion) -> str:
    followers = promotion.followers
    if not followers:
        return "none follows the channel"
    follow = "1 follows" if len(followers) == 1 else f"{len(followers)} follow"
    return f"{follow} the channel, with {sum(follower.active or 0 for follower in followers)} active instances"


def _group_lines(followers: tuple[Follower, ...]) -> Iterator[str]:
    rows = [("Group", "Name", "Label", "Target", "Active", "OnTarget", "Held")]
    rows += [
        (
            follower.track,
            follower.name,
            follower.label or "-",
            follower.target or "-",
            _count(follower.active),
            _count(follower.on_target),
            ", ".join(_held(follower)) or "-",
        )
        for follower in followers
    ]
    for line in output.aligned([tuple(map(output.printable, row)) for row in rows]):
        yield f"  {line}"


def _count(number: int | None) -> str:
    return "-" if number is None else str(number)


def _held(follower: Follower) -> Iterator[str]:
    if follower.paused:
        yield "paused"
    if follower.halted:
        yield "halted"
    if follower.frozen_until is not None:
        yield f"frozen until {moments.absolute(follower.frozen_until)}"
    for version in follower.blocked:
        yield f"blocks {version}"
    if follower.prefix:
        yield f"only {follower.prefix}"


def _floor_document(floor: FloorDifference) -> dict[str, Any]:
    before = {"before": floor.before.to_wire()} if floor.before is not None else {}
    after = {"after": floor.after.to_wire()} if floor.after is not None else {}
    return {"version": floor.version, **before, **after}


def _offered_document(offered: Offered) -> dict[str, Any]:
    said = {"name": offered.package, "withdrawn": offered.withdrawn, "deadEnd": offered.dead_end}
    return {
        "arch": offered.arch or "all",
        "available": offered.package is not None and not offered.withdrawn,
        **{name: value for name, value in said.items() if value},
    }


def _follower_document(follower: Follower) -> dict[str, Any]:
    """Only what there is to say."""
    said = {
        "displayName": follower.label or None,
        "target": follower.target,
        "active": follower.active,
        "onTarget": follower.on_target,
        "frozenUntil": follower.frozen_until.isoformat() if follower.frozen_until is not None else None,
        "blockedVersions": list(follower.blocked) or None,
        "prefix": follower.prefix or None,
    }
    named = {"name": follower.name, "track": follower.track, "paused": follower.paused, "halted": follower.halted}
    return named | {name: value for name, value in said.items() if value is not None}
