"""`updatectl group approve`, `promote`, `halt`, `resume`: what people say of a rollout; and `history`, what came of those before."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from update_kube import errors as kube_errors
from update_kube.resources import CHANNELS, GROUPS
from updatectl import errors, group_words, lookup, output
from updatectl.commands import Call, reading, writing
from updatectl.errors import CommandError
from updatectl.fleet import group_history, signs
from updatectl.group_words import Named, Words
from updatectl.session import Object, Session
from updatectl.settings import Format

if TYPE_CHECKING:
    from updatectl.rollout_acts import Act  # the models that it is about cost help 100 ms
    from updatectl.rollout_standing import Standing

WaveName = Annotated[str | None, typer.Option("--wave", metavar="NAME", help="The wave, and with it all before it.")]
SkipBake = Annotated[bool, typer.Option("--skip-bake", help="Don't wait for the waves before it to settle and bake.")]
All = Annotated[bool, typer.Option("--all", help="Open all waves.")]
Because = Annotated[str, typer.Option("--reason", help="Why, for people.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the noun."""
    writing(
        app,
        "approve",
        "updatectl group approve com.example.web berlin",
        "updatectl group approve com.example.web berlin --wave everybody --skip-bake",
        "updatectl group approve com-example-web-berlin   # by its object's name",
    )(approve)
    writing(
        app,
        "promote",
        "updatectl group promote com.example.web berlin   # the next wave, at once",
        "updatectl group promote com.example.web berlin --wave early",
        "updatectl group promote com.example.web berlin --all",
    )(promote)
    writing(app, "halt", 'updatectl group halt com.example.web berlin --reason "loses sessions"')(halt)
    writing(app, "resume", "updatectl group resume com.example.web berlin")(resume)
    reading(
        app,
        "history",
        "updatectl group history com.example.web berlin",
        "updatectl group history com.example.web berlin -o json",
    )(history)


def approve(call: Call, words: Words, wave: WaveName = None, skip_bake: SkipBake = False) -> None:
    """Let a wave open that needs an approval: the next one, or one that is named with all before it."""
    from updatectl import rollout_acts

    _do(call, words, lambda standing, _: rollout_acts.approve(standing, wave, skip_bake=skip_bake))


def promote(call: Call, words: Words, wave: WaveName = None, to_last: All = False) -> None:
    """Open the next wave at once, or all up to one that is named, whether or not those before have settled and baked."""
    from updatectl import rollout_acts

    if wave is not None and to_last:
        raise typer.BadParameter("--wave and --all contradict each other: give one of them")
    _do(call, words, lambda standing, _: rollout_acts.promote(standing, wave, to_last=to_last))


def halt(call: Call, words: Words, reason: Because) -> None:
    """Stop a group's rollout at once, for the version that it moves to. The next version isn't halted."""
    from updatectl import rollout_acts

    if not reason.strip():
        raise typer.BadParameter("say why, such as --reason 'loses sessions'", param_hint="--reason")
    _do(call, words, lambda standing, _: rollout_acts.halt(standing, reason.strip()))


def resume(call: Call, words: Words) -> None:
    """Let a rollout go on that somebody, or its failures, halted; begin the version anew that was rolled back."""
    from updatectl import rollout_acts

    _do(call, words, rollout_acts.resume)


def history(call: Call, words: Words) -> None:
    """Show a group's rollouts, the latest first."""
    wanted = group_words.parse(words)
    named = call.run(lambda session: group_words.find(session, wanted))
    if call.form in {Format.JSON, Format.YAML}:
        output.show_document(group_history.document(named.app_id, named.group), call.form)
    elif call.form is Format.NAME:
        output.show(named.group, (), call.form, header=False)
    else:
        output.show_list(group_history.rollouts(named.group), group_history.COLUMNS, call.form)


def _do(call: Call, words: list[str], decide: "Callable[[Standing, str | None], Act]") -> None:
    wanted = group_words.parse(words)

    async def work(session: Session) -> "tuple[Act, Object]":
        from updatectl import rollout_standing

        named = await group_words.find(session, wanted)
        act = decide(rollout_standing.of(named), await _channel_version(session, named.group))
        return act, await _write(session, named, act) if act.changes else named.group

    _show(call, *call.run(work))


async def _channel_version(session: Session, group: Object) -> str | None:
    """What the group's channel names, None where there is no such channel."""
    found = await session.find_all(CHANNELS, lookup.selector({"metadata.name": group["spec"]["channelRef"]["name"]}))
    return str(found[0]["spec"]["version"]) if found else None


async def _write(session: Session, named: Named, act: "Act") -> Object:
    """As it was read: who looked at one state says nothing about another."""
    from updatectl import rollout_acts

    spec = named.group["spec"]
    whose = {field: spec[field] for field in ("applicationRef", "track")}
    try:
        return await session.change_as_read(GROUPS, named.group, {**whose, **act.changes})
    except errors.OwnedElsewhereError as error:
        raise CommandError(f"{error}\n{rollout_acts.for_git(act.changes)}") from error
    except kube_errors.Conflict as error:
        if error.conflicts:
            raise CommandError(f"{errors.explain(error)}\n{rollout_acts.for_git(act.changes)}") from error
        raise CommandError(
            f"group {named.track} of {named.app_id} was changed meanwhile: nothing was written. Run it again, if it still fits."
        ) from error


def _show(call: Call, act: "Act", group: Object) -> None:
    if call.form not in {Format.TABLE, Format.WIDE}:
        output.show(group, (), call.form, header=False)
        if not act.changes:
            output.remark(act.said)
    elif act.changes:
        signs.say(output.printable(f"{act.said}: {act.before} {signs.of(sys.stdout).arrow} {act.after}"))
    else:
        signs.say(output.printable(act.said))
    for note in act.notes:
        output.remark(f"({output.printable(note)})")
    call.remark_dry_run()
