"""Channels: named pointers to a version. Changing a channel's version is the promotion."""

from typing import Annotated

import typer

from update_kube.resources import CHANNELS
from updatectl import floors, lookup, naming, output
from updatectl.commands import AppId, Call, noun, reading, writing
from updatectl.floors import FloorChange, Floors, NoFloors
from updatectl.session import Changes, Mode, Object, Session, Target

app = noun("Channels: which version each of them offers.")

COLUMNS = (
    output.Column("Label", lambda o: o["spec"]["name"]),
    output.Column("Version", lambda o: o["spec"]["version"]),
    output.Column("Floors", lambda o: "; ".join(map(floors.text, o["spec"].get("floors", ()))), wide=True),
    output.Column("Name", lambda o: o["metadata"]["name"], wide=True),
    output.Column("PackageAvailable", lambda o: output.condition(o, "PackageAvailable"), wide=True),
    output.Column("RolledOut", lambda o: output.condition(o, "RolledOut"), wide=True),
    output.Column("Ready", lambda o: output.condition(o, "Ready"), wide=True),
)

Name = Annotated[str, typer.Argument(metavar="CHANNEL", help="The channel's name, such as stable.")]
Version = Annotated[str, typer.Option("--version", help="The version that its groups move to.")]


async def list_of(session: Session, app_id: str) -> list[Object]:
    """The application's channels, by name."""
    found = await lookup.members(session, CHANNELS, await lookup.application(session, app_id))
    return sorted(found, key=lambda o: str(o["spec"]["name"]))


async def write(
    session: Session, app_id: str, name: str, version: str | None, mode: Mode, floor_change: FloorChange | None = None
) -> Object:
    """Create a channel, move it to a version (None: leave it there) or change its floors. Their packages may come later."""
    application = await lookup.application(session, app_id)
    reference = application["metadata"]["name"]
    target = Target(
        resource=CHANNELS,
        name=naming.member(reference, name),
        find=lambda: lookup.find_channel(session, application, name),
        noun="channel",
        handle=f"{app_id} {name}",
    )
    identity: dict[str, object] = {"applicationRef": {"name": reference}, "name": name}
    moved = {} if version is None else {"version": version}

    def wanted(existing: Object | None) -> Changes:
        return {**identity, **moved, **(floor_change or FloorChange()).changes(existing)}

    return await session.write(target, wanted, mode)


async def remove(session: Session, app_id: str, name: str) -> Object:
    """Delete a channel."""
    found = await lookup.channel(session, await lookup.application(session, app_id), name)
    await session.delete(CHANNELS, found)
    return found


@reading(app, "list", "updatectl channel list e96281a6-d1af-4bde-9a0a-97b76e56dc57 -o wide")
def list_(call: Call, app_id: AppId) -> None:
    """List an application's channels."""
    app_id = lookup.canonical_app_id(app_id)
    output.show_list(call.run(lambda session: list_of(session, app_id)), COLUMNS, call.form)


@reading(app, "get", "updatectl channel get e96281a6-d1af-4bde-9a0a-97b76e56dc57 master -o yaml")
def get(call: Call, app_id: AppId, channel: Name) -> None:
    """Show one channel."""
    app_id = lookup.canonical_app_id(app_id)

    async def work(session: Session) -> Object:
        return await lookup.channel(session, await lookup.application(session, app_id), channel)

    output.show(call.run(work), COLUMNS, call.form, header=True)


@writing(app, "create", "updatectl channel create e96281a6-d1af-4bde-9a0a-97b76e56dc57 master --version 1.0.0")
def create(call: Call, app_id: AppId, channel: Name, version: Version, floor: Floors = None) -> None:
    """Create a channel."""
    _write(call, app_id, channel, version, Mode.CREATE, floors.given(floor))


@writing(
    app,
    "update",
    "updatectl channel update e96281a6-d1af-4bde-9a0a-97b76e56dc57 master --version 1.1.0",
    'updatectl channel update com.example.web stable --version 2.0.0 --floor "1.5.0=new partition table"',
    "updatectl channel update com.example.web stable --no-floors --floor 1.8.0   # 1.8.0 and no other",
)
def update(
    call: Call,
    app_id: AppId,
    channel: Name,
    version: Annotated[str | None, typer.Option("--version", help="The version that its groups move to.")] = None,
    floor: Floors = None,
    no_floors: NoFloors = False,
) -> None:
    """Move a channel to a version: every group that follows it starts to move there, by way of its floors."""
    change = floors.given(floor, no_floors=no_floors)
    if version is None and change == FloorChange():
        raise typer.BadParameter("nothing to change: give --version, --floor or --no-floors")
    _write(call, app_id, channel, version, Mode.UPDATE, change)


@writing(app, "delete", "updatectl channel delete e96281a6-d1af-4bde-9a0a-97b76e56dc57 master")
def delete(call: Call, app_id: AppId, channel: Name) -> None:
    """Delete a channel. Groups that follow it stay where they are."""
    app_id = lookup.canonical_app_id(app_id)
    deleted = call.run(lambda session: remove(session, app_id, channel))
    call.show_deleted(deleted, f"deleted channel: {channel}, for application: {app_id}")


def _write(call: Call, app_id: str, name: str, version: str | None, mode: Mode, floor_change: FloorChange) -> None:
    app_id = lookup.canonical_app_id(app_id)
    written = call.run(lambda session: write(session, app_id, name, version, mode, floor_change))
    call.show_written(written, COLUMNS, header=True)
