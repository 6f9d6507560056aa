"""`updatectl group status` and `group watch`: how far is a group, and what does it wait for?"""

import sys
from typing import Annotated

import typer

from update_kube.resources import CHANNELS
from updatectl import lookup, output
from updatectl.commands import AppId, Call, GroupId, reading
from updatectl.errors import CommandError
from updatectl.fleet import moments, requests, signs
from updatectl.fleet.group_picture import Picture
from updatectl.session import Session
from updatectl.settings import Format

_ID = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"

UntilComplete = Annotated[
    bool, typer.Option("--until-complete", help="End when the rollout to the channel's version is complete.")
]
Timeout = Annotated[
    float | None,
    typer.Option("--timeout", min=0, help="End after so many seconds; with --until-complete that is exit code 1."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the noun."""
    reading(
        app, "status", f"updatectl group status {_ID} fake1", "updatectl group status com.example.web berlin -o json"
    )(status)
    reading(
        app,
        "watch",
        f"updatectl group watch {_ID} fake1",
        f"updatectl group watch {_ID} fake1 --until-complete --timeout 600",
        "updatectl group watch com.example.web berlin -o json | jq -c .object.status",
    )(watch)


def status(call: Call, app_id: AppId, group_id: GroupId) -> None:
    """Show on one screen how far a group is, and what it waits for."""
    app_id = lookup.canonical_app_id(app_id)
    found = call.run(lambda session: _load(session, app_id, group_id))
    if call.form in {Format.TABLE, Format.WIDE}:
        from updatectl.fleet import group_screen  # pydantic, which no help text should cost

        for line in group_screen.lines(found, signs.of(sys.stdout), moments.now()):
            signs.say(line)
        return
    output.show_list([obj for obj in (found.group, found.progress) if obj is not None], (), call.form)
    if found.trouble:
        output.remark(f"without the counts of the fleet API: {found.trouble}")


def watch(
    call: Call, app_id: AppId, group_id: GroupId, until_complete: UntilComplete = False, timeout: Timeout = None
) -> None:
    """Follow a group: a screen that is redrawn on a terminal, else a line for each change.

    Ctrl-C ends it with exit code 0; with --until-complete with 130, as the rollout is not known to be complete then.
    """
    if call.form is Format.NAME:
        raise typer.BadParameter("a watch has no names to show: use -o table, json or yaml", param_hint="--output")
    app_id = lookup.canonical_app_id(app_id)
    try:
        call.run(
            lambda session: _watch(session, call, app_id, group_id, until_complete=until_complete, seconds=timeout)
        )
    except KeyboardInterrupt:
        if until_complete:
            raise


async def _watch(
    session: Session, call: Call, app_id: str, group_id: str, *, until_complete: bool, seconds: float | None
) -> None:
    from updatectl.fleet import group_shows, group_watch  # they import the Kubernetes client

    first = await _load(session, app_id, group_id)
    with group_shows.chosen(call.form) as show:
        await group_watch.follow(session, first, show, group_watch.Ends(until_complete, seconds))


async def _load(session: Session, app_id: str, group_id: str) -> Picture:
    """The group with its channel and its counts; without the fleet API only what the Group itself says."""
    application = await lookup.application(session, app_id)
    group = await lookup.group(session, application, group_id)
    channels = {obj["metadata"]["name"]: obj for obj in await lookup.members(session, CHANNELS, application)}
    progress, trouble = None, ""
    try:
        progress = await requests.progress(session, group["metadata"]["name"])
    except CommandError as error:
        trouble = str(error).partition("\n")[0]
    return Picture(app_id, group, progress, channels.get(group["spec"]["channelRef"]["name"]), trouble)
