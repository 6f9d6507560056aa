"""`updatectl channel promote`: a channel gets another one's version, once it is shown what that changes.

What is written is what was shown: where somebody has changed the channel in between, nothing is.
"""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from update_kube import errors
from update_kube.resources import CHANNELS, GROUPS, PACKAGES
from updatectl import floors, lookup, output, ownership
from updatectl.commands import AppId, Call, writing
from updatectl.errors import CommandError, owned_elsewhere
from updatectl.fleet import moments, signs
from updatectl.session import Changes, Object, Session
from updatectl.settings import Format

if TYPE_CHECKING:
    from updatectl.promotion import Promotion  # help does without

_ID = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"

To = Annotated[str, typer.Option("--to", metavar="CHANNEL", help="The channel that gets the version.")]
From = Annotated[
    str | None, typer.Option("--from", metavar="CHANNEL", help="The channel whose version it gets; or give --version.")
]
Version = Annotated[str | None, typer.Option("--version", help="The version that it gets; or give --from.")]
WithFloors = Annotated[
    bool, typer.Option("--with-floors", help="Copy the floors of --from too, in place of the channel's own.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask.")]


@dataclass(frozen=True)
class Asked:
    """What was typed; `sure` is whether it is done without asking."""

    app_id: str
    to: str
    source: str | None
    version: str | None
    with_floors: bool
    sure: bool


def register(app: typer.Typer) -> None:
    """Add the command to the noun."""
    writing(
        app,
        "promote",
        f"updatectl channel promote {_ID} --from beta --to stable --dry-run   # what would change",
        "updatectl channel promote com.example.web --from beta --to stable --with-floors",
        "updatectl channel promote com.example.web --to stable --version 1.2.0 --yes",
    )(promote)


def promote(
    call: Call,
    app_id: AppId,
    to: To,
    from_channel: From = None,
    version: Version = None,
    with_floors: WithFloors = False,
    yes: Yes = False,
) -> None:
    """Move a channel to another one's version, or to one that is given. What that changes is shown first, and asked about."""
    app_id = lookup.canonical_app_id(app_id)
    _check_options(to, from_channel, version, with_floors=with_floors)
    sure = yes or call.dry_run
    if not sure and not sys.stdin.isatty():
        raise typer.BadParameter(
            "without a terminal to ask on, a promotion needs --yes; --dry-run only shows what it would change"
        )
    asked = Asked(app_id, to, from_channel, version, with_floors, sure)
    call.run(lambda session: _promote(session, call, asked))


def _check_options(to: str, from_channel: str | None, version: str | None, *, with_floors: bool) -> None:
    from update_core import versions  # only needed here

    if (from_channel is None) == (version is None):
        raise typer.BadParameter("give --from CHANNEL or --version VERSION: one of them")
    if from_channel == to:
        raise typer.BadParameter(f"--from and --to are both {to}: a channel has its own version already")
    if version is None:
        return
    if with_floors:
        raise typer.BadParameter("--with-floors copies the floors of --from, which isn't given")
    try:
        versions.parse(version)
    except ValueError as error:
        raise typer.BadParameter(f"{error}", param_hint="--version") from error


async def _promote(session: Session, call: Call, asked: Asked) -> None:
    from updatectl import promotion_texts  # the models that it is about cost help 100 ms

    channel, promotion = await _load(session, asked)
    _show(call, promotion, sure=asked.sure)
    if not promotion.changes:
        _show_end(call, channel, promotion, promotion_texts.nothing(promotion), applied=False)
        return
    changes = _changes(session, channel, promotion)
    if not asked.sure and not typer.confirm(promotion_texts.question(promotion), err=True):
        raise CommandError("nothing was promoted")
    written = await _write(session, channel, promotion, changes)
    _show_end(call, written, promotion, promotion_texts.done(promotion), applied=not call.dry_run)


async def _load(session: Session, asked: Asked) -> tuple[Object, "Promotion"]:
    """The channel as it is, and what its promotion would be."""
    from update_core.resources.channel import Channel
    from update_core.resources.group import Group
    from update_core.resources.package import Package
    from updatectl import promotion

    application = await lookup.application(session, asked.app_id)
    channel = await lookup.channel(session, application, asked.to)
    source = None
    if asked.source is not None:
        source = Channel.parse(await lookup.channel(session, application, asked.source))
    version = source.spec.version if source is not None else asked.version or ""
    found = promotion.of(
        asked.app_id,
        Channel.parse(channel),
        promotion.Wanted(version, source, asked.with_floors),
        [Group.parse(group) for group in await lookup.members(session, GROUPS, application)],
        [Package.parse(package) for package in await lookup.members(session, PACKAGES, application)],
        moments.now(),
    )
    return channel, found


def _changes(session: Session, channel: Object, promotion: "Promotion") -> Changes:
    """The spec's fields. Raises CommandError where they are another manager's, before anybody is asked about them."""
    changes: dict[str, object] = {field: channel["spec"][field] for field in ("applicationRef", "name")}
    if promotion.moves:
        owners = ownership.other_owners(channel, "version")
        if owners and not session.force:
            raise CommandError(owned_elsewhere("spec.version", owners))
        changes["version"] = promotion.after
    if promotion.with_floors and promotion.floors:
        copied = tuple((floor.version, floor.reason) for floor in promotion.floors_after)
        changes |= floors.FloorChange(copied, cleared=True).changes(channel)
    return changes


async def _write(session: Session, channel: Object, promotion: "Promotion", changes: Changes) -> Object:
    try:
        return await session.change_as_read(CHANNELS, channel, changes)
    except errors.Conflict as error:
        if error.conflicts:
            raise
        raise CommandError(
            f"channel {promotion.channel} of {promotion.app_id} was changed meanwhile: nothing was promoted. Run it again to see what "
            "would change now."
        ) from error


def _show(call: Call, promotion: "Promotion", *, sure: bool) -> None:
    """For people at once, before they are asked; programs get one document in the end."""
    from updatectl import promotion_texts

    for_people = call.form in {Format.TABLE, Format.WIDE}
    if not promotion.changes or (not for_people and sure):
        return
    stream = sys.stdout if for_people else sys.stderr
    say = signs.say if for_people else output.remark
    for line in promotion_texts.lines(promotion, signs.of(stream), all_groups=call.form is Format.WIDE):
        say(line)


def _show_end(call: Call, channel: Object, promotion: "Promotion", sentence: str, *, applied: bool) -> None:
    from updatectl import promotion_texts

    if call.form in {Format.JSON, Format.YAML}:
        output.show_document(promotion_texts.document(promotion, applied=applied), call.form)
    elif call.form is Format.NAME:
        output.show(channel, (), call.form, header=False)
    elif applied or not promotion.changes:
        signs.say(sentence)
    call.remark_dry_run()
