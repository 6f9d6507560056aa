"""Instances: who runs what, why one isn't updated, and what a person may do about it. Answered by the fleet API.

Nobody makes an instance: it appears with its first check. Simulated ones are fakeclients' affair.
"""

import sys
from typing import Annotated

import typer

from updatectl import lookup, output
from updatectl.commands import AppId, Call, acting, noun, reading
from updatectl.errors import CommandError
from updatectl.fakeclients import command as fakeclients
from updatectl.fleet import counting, finding, moments, requests, signs, tables, why_command
from updatectl.session import Object, Session
from updatectl.settings import Format

_ID = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"

app = noun("Instances: who runs what, and why one is not updated; simulate some.")

Group = Annotated[
    str | None, typer.Option("--group", "-g", help="Only of this group: its id (the track), or its object's name.")
]
State = Annotated[str | None, typer.Option("--state", help="Only in this state, such as Idle, Downloading or Failed.")]
Version = Annotated[str | None, typer.Option("--version", help="Only with this version, as it is reported.")]
Labels = Annotated[
    str | None,
    typer.Option("--selector", "-l", help="Only with these labels, such as fleet.updateservice.dev/oem=ami."),
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Show so many at most.")]
Because = Annotated[str, typer.Option("--reason", help="Why, for whoever reads the Event about it.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@reading(
    app,
    "list",
    f"updatectl instance list {_ID}",
    f"updatectl instance list {_ID} --group fake1 --state Failed -o wide",
    "updatectl instance list com.example.web --version 1.0.0 -l fleet.updateservice.dev/oem=ami --limit 20",
)
def list_(
    call: Call,
    app_id: AppId,
    group: Group = None,
    state: State = None,
    version: Version = None,
    selector: Labels = None,
    limit: Limit = None,
) -> None:
    """List an application's instances."""
    app_id = lookup.canonical_app_id(app_id)
    fields = {"status.state": _known_state(state), "status.version": version}
    wanted = {name: value for name, value in fields.items() if value is not None}

    async def work(session: Session) -> None:
        application = await lookup.application(session, app_id)
        wanted["spec.application"] = application["metadata"]["name"]
        if group is not None:
            wanted.update(await _group_fields(session, application, group))
        await _show_pages(session, call.form, requests.Selection(wanted, selector), limit)

    call.run(work)


@reading(
    app,
    "get",
    f"updatectl instance get {_ID} fake-client-003",
    "updatectl instance get com-example-web-fake-client-003-0a1b2c3d4e -o yaml   # by its object's name",
)
def get(call: Call, words: finding.Words) -> None:
    """Show one instance."""
    wanted = finding.parse(words)
    found = call.run(lambda session: finding.instance(session, wanted))
    output.show(found, tables.instances(moments.now()), call.form, header=True)


why_command.register(app, "instance why")


@reading(app, "history", f"updatectl instance history {_ID} fake-client-003 -o wide")
def history(call: Call, words: finding.Words) -> None:
    """Show what became of an instance's updates, oldest first."""
    wanted = finding.parse(words)

    async def work(session: Session) -> Object:
        instance = await finding.instance(session, wanted)
        return await requests.history(session, instance["metadata"]["name"])

    found = call.run(work)
    if call.form in {Format.TABLE, Format.WIDE}:
        output.show_list(found.get("moves") or [], tables.MOVES, call.form)
    else:
        output.show(found, (), call.form, header=False)


@acting(app, "reset", f'updatectl instance reset {_ID} fake-client-003 --reason "disk replaced"')
def reset(call: Call, words: finding.Words, reason: Because = "") -> None:
    """End an instance's update in flight and forget its latest failures: its next check is decided about anew."""
    wanted = finding.parse(words)

    async def work(session: Session) -> tuple[Object, Object]:
        instance = await finding.instance(session, wanted)
        name = instance["metadata"]["name"]
        return instance, await requests.act(session, name, "reset", "InstanceReset", reason)

    _show_done(call, "reset instance", *call.run(work))


@acting(
    app,
    "forget",
    f"updatectl instance forget {_ID} fake-client-003",
    f'updatectl instance forget {_ID} fake-client-003 --yes --reason "scrapped"',
)
def forget(call: Call, words: finding.Words, reason: Because = "", yes: Yes = False) -> None:
    """Remove an instance and its history. If it checks again, it is a new one."""
    wanted = finding.parse(words)
    sure = yes or call.dry_run
    if not sure and not sys.stdin.isatty():
        raise typer.BadParameter("without a terminal to ask on, forgetting needs --yes")

    async def work(session: Session) -> tuple[Object, Object]:
        instance = await finding.instance(session, wanted)
        if not sure and not typer.confirm(f"Forget {finding.describe(instance)} and its history?", err=True):
            raise CommandError("nothing was forgotten")
        name = instance["metadata"]["name"]
        return instance, await requests.act(session, name, "forget", "InstanceForget", reason)

    _show_done(call, "forgot instance", *call.run(work))


fakeclients.register(app, "fake")


def _known_state(state: str | None) -> str | None:
    """The state as it is written. Raises typer.BadParameter for a word that is none."""
    if state is None:
        return None
    from update_core.fleet import grants, reading  # kept out of help and completion

    states = {known.casefold(): known for known in (reading.IDLE, *(str(state) for state in grants.GrantState))}
    if state.casefold() not in states:
        raise typer.BadParameter(
            f"{state!r} is no state: use one of {', '.join(states.values())}", param_hint="--state"
        )
    return states[state.casefold()]


async def _group_fields(session: Session, application: Object, group: str) -> dict[str, str]:
    """How instances of a group are selected. A track may have instances though no Group has it any more, or yet."""
    found = await lookup.find_group(session, application, group)
    if found is None:
        found = await lookup.find_group_named(session, application, group)
    if found is None:
        output.remark(f"(no Group has the id or the name {group}: looking for instances that sent it as their track)")
        return {"spec.track": group}
    return {"spec.group": found["metadata"]["name"]}


async def _show_pages(session: Session, form: Format, selection: requests.Selection, limit: int | None) -> None:
    """Print page by page, so that a great fleet neither waits nor fills the memory; a List is one document and does."""
    # One more than asked for tells whether there are more.
    asked = None if limit is None else limit + 1
    table = output.Growing(tables.instances(moments.now()), form)
    kept: list[Object] = []
    shown = 0
    gathers = form in {Format.JSON, Format.YAML}
    with counting.progress("instances", wanted=gathers or not sys.stdout.isatty()) as count:
        async for page in requests.pages(session, selection, limit=asked):
            more = page if limit is None else page[: limit - shown]
            shown += len(more)
            if gathers:
                kept += more
            else:
                table.show(more)
            count(len(more))
            if limit is not None and len(page) > len(more):
                output.remark(f"(there are more than {limit})")
    if gathers:
        output.show_list(kept, (), form)


def _show_done(call: Call, verb: str, instance: Object, done: Object) -> None:
    if call.form not in {Format.TABLE, Format.WIDE}:
        call.show_written(done, (), header=False)
        return
    ended = output.printable(done.get("status", {}).get("endedVersion", ""))
    what = f"its update to {ended} was ended" if ended else "no update was in flight"
    signs.say(f"{verb}: {finding.id_of(instance)}, for application: {instance['spec']['appId']}; {what}")
    call.remark_dry_run()
