"""Groups: instances that move together, how fast they may, and whether they may at all."""

from dataclasses import dataclass
from typing import Annotated

import typer

from update_kube.resources import GROUPS
from updatectl import lookup, naming, output
from updatectl.commands import AppId, Call, GroupId, noun, reading, writing
from updatectl.errors import CommandError
from updatectl.session import Changes, Mode, Object, Session, Target

app = noun("Groups: instances that move together.")

Channel = Annotated[str | None, typer.Option("--channel", help="The channel to follow.")]
Label = Annotated[str | None, typer.Option("--label", help="A name for people.")]
UpdateCount = Annotated[
    int | None,
    typer.Option("--update-count", "--updateCount", min=0, help="Updates to give out per interval; 0: without limit."),
]
UpdateInterval = Annotated[
    int | None, typer.Option("--update-interval", "--updateInterval", min=1, help="The interval in seconds.")
]
MaxInFlight = Annotated[
    int | None, typer.Option("--max-in-flight", min=0, help="Instances that may update at once; 0: without limit.")
]
UpdateTimeout = Annotated[
    int | None, typer.Option("--update-timeout", min=1, help="Seconds without progress until an update has failed.")
]


@dataclass(frozen=True)
class Limits:
    """How fast a group may move, as given; None is left as it is, a count of 0 takes the limit away."""

    update_count: int | None = None
    update_interval: int | None = None
    max_in_flight: int | None = None
    update_timeout: int | None = None

    def changes(self, existing: Object | None) -> Changes:
        """The spec's fields. Raises CommandError if a rate limit would be only half known."""
        changes: dict[str, object] = {}
        if self.max_in_flight is not None:
            changes["maxInFlight"] = self.max_in_flight or None
        if self.update_timeout is not None:
            changes["updateTimeoutSeconds"] = self.update_timeout
        if self.update_count == 0:
            changes["rateLimit"] = None
        elif self.update_count is not None or self.update_interval is not None:
            changes["rateLimit"] = self._rate_limit(existing)
        return changes

    def _rate_limit(self, existing: Object | None) -> Changes:
        now = (existing or {}).get("spec", {}).get("rateLimit", {})
        count = self.update_count or now.get("maxUpdates")
        interval = self.update_interval or now.get("periodSeconds")
        if count is None or interval is None:
            raise CommandError("the group has no rate limit yet: give both --update-count and --update-interval")
        return {"maxUpdates": count, "periodSeconds": interval}


@dataclass(frozen=True)
class Found:
    """Groups with what their channels are called, by object name."""

    groups: list[Object]
    channels: dict[str, str]
    app_id: str

    @property
    def columns(self) -> tuple[output.Column, ...]:
        """The columns of a table of these."""
        return (
            output.Column("Label", lambda o: o["spec"].get("displayName")),
            output.Column("App", lambda _: self.app_id),
            output.Column("Channel", lambda o: self.channels.get(_channel_ref(o), f"({_channel_ref(o)} missing)")),
            output.Column("Id", lambda o: o["spec"]["track"]),
            output.Column("Paused", lambda o: o["spec"].get("paused", False)),
            output.Column("Count", lambda o: o["spec"].get("rateLimit", {}).get("maxUpdates")),
            output.Column("Interval", lambda o: o["spec"].get("rateLimit", {}).get("periodSeconds")),
            output.Column("MaxInFlight", lambda o: o["spec"].get("maxInFlight"), wide=True),
            output.Column("Target", lambda o: o.get("status", {}).get("target", {}).get("version"), wide=True),
            output.Column("Progress", lambda o: o.get("status", {}).get("progress"), wide=True),
            output.Column("Name", lambda o: o["metadata"]["name"], wide=True),
            output.Column("Ready", lambda o: output.condition(o, "Ready"), wide=True),
        )


async def list_of(session: Session, app_id: str) -> Found:
    """The application's groups, by id."""
    application = await lookup.application(session, app_id)
    groups = await lookup.members(session, GROUPS, application)
    return Found(
        sorted(groups, key=lambda o: str(o["spec"]["track"])), await lookup.channel_names(session, application), app_id
    )


async def find(session: Session, app_id: str, group_id: str) -> Found:
    """One group."""
    application = await lookup.application(session, app_id)
    group = await lookup.group(session, application, group_id)
    return Found([group], await lookup.channel_names(session, application), app_id)


async def write(
    session: Session,
    app_id: str,
    group_id: str,
    mode: Mode,
    *,
    changes: Changes | None = None,
    channel: str | None = None,
    limits: Limits | None = None,
) -> Found:
    """Create or change a group: `changes` of its fields, the channel that it follows, its limits."""
    application = await lookup.application(session, app_id)
    reference = application["metadata"]["name"]
    identity = {"applicationRef": {"name": reference}, "track": group_id}
    if channel is not None:
        found = await lookup.channel(session, application, channel)
        identity["channelRef"] = {"name": found["metadata"]["name"]}
    target = Target(
        resource=GROUPS,
        name=naming.member(reference, group_id),
        find=lambda: lookup.find_group(session, application, group_id),
        noun="group",
        handle=f"{app_id} {group_id}",
    )
    written = await session.write(
        target, lambda existing: {**identity, **(changes or {}), **(limits or Limits()).changes(existing)}, mode
    )
    return Found([written], await lookup.channel_names(session, application), app_id)


async def remove(session: Session, app_id: str, group_id: str) -> Object:
    """Delete a group."""
    found = await lookup.group(session, await lookup.application(session, app_id), group_id)
    await session.delete(GROUPS, found)
    return found


@reading(app, "list", "updatectl group list e96281a6-d1af-4bde-9a0a-97b76e56dc57 -o wide")
def list_(call: Call, app_id: AppId) -> None:
    """List an application's groups."""
    show_list(call, app_id)


@reading(app, "get", "updatectl group get e96281a6-d1af-4bde-9a0a-97b76e56dc57 fake1 -o yaml")
def get(call: Call, app_id: AppId, group_id: GroupId) -> None:
    """Show one group."""
    app_id = lookup.canonical_app_id(app_id)
    found = call.run(lambda session: find(session, app_id, group_id))
    output.show(found.groups[0], found.columns, call.form, header=True)


@writing(
    app,
    "create",
    'updatectl group create e96281a6-d1af-4bde-9a0a-97b76e56dc57 fake1 --channel master --label "Fake Clients"',
    "updatectl group create com.example.web berlin --channel stable --update-count 2 --update-interval 60",
)
def create(
    call: Call,
    app_id: AppId,
    group_id: GroupId,
    channel: Annotated[str, typer.Option("--channel", help="The channel to follow.")],
    label: Label = None,
    update_count: UpdateCount = None,
    update_interval: UpdateInterval = None,
    max_in_flight: MaxInFlight = None,
    update_timeout: UpdateTimeout = None,
) -> None:
    """Create a group."""
    limits = Limits(update_count, update_interval, max_in_flight, update_timeout)
    put(call, app_id, group_id, Mode.CREATE, header=True, label=label, channel=channel, limits=limits)


@writing(
    app,
    "update",
    "updatectl group update e96281a6-d1af-4bde-9a0a-97b76e56dc57 fake1 --update-count 2 --update-interval 60",
    "updatectl group update e96281a6-d1af-4bde-9a0a-97b76e56dc57 fake1 --update-count 0   # no rate limit any more",
)
def update(
    call: Call,
    app_id: AppId,
    group_id: GroupId,
    label: Label = None,
    channel: Channel = None,
    update_count: UpdateCount = None,
    update_interval: UpdateInterval = None,
    max_in_flight: MaxInFlight = None,
    update_timeout: UpdateTimeout = None,
) -> None:
    """Change a group. What isn't given stays as it is."""
    limits = Limits(update_count, update_interval, max_in_flight, update_timeout)
    put(call, app_id, group_id, Mode.UPDATE, header=True, label=label, channel=channel, limits=limits)


@writing(app, "delete", "updatectl group delete e96281a6-d1af-4bde-9a0a-97b76e56dc57 fake1")
def delete(call: Call, app_id: AppId, group_id: GroupId) -> None:
    """Delete a group. Its instances are no longer updated by it."""
    show_removed(call, app_id, group_id)


@writing(app, "pause", "updatectl group pause e96281a6-d1af-4bde-9a0a-97b76e56dc57 fake1")
def pause(call: Call, app_id: AppId, group_id: GroupId) -> None:
    """Give out no new updates in a group; what is under way may finish."""
    set_paused(call, app_id, group_id, paused=True, header=True)


@writing(app, "unpause", "updatectl group unpause e96281a6-d1af-4bde-9a0a-97b76e56dc57 fake1")
def unpause(call: Call, app_id: AppId, group_id: GroupId) -> None:
    """Let a paused group go on."""
    set_paused(call, app_id, group_id, paused=False, header=True)


def show_list(call: Call, app_id: str) -> None:
    """Print an application's groups."""
    app_id = lookup.canonical_app_id(app_id)
    found = call.run(lambda session: list_of(session, app_id))
    output.show_list(found.groups, found.columns, call.form)


def put(
    call: Call,
    app_id: str,
    group_id: str,
    mode: Mode,
    *,
    header: bool,
    label: str | None,
    channel: str | None,
    limits: Limits,
) -> None:
    """Create or change a group and show it."""
    app_id = lookup.canonical_app_id(app_id)
    if mode is Mode.UPDATE and label is None and channel is None and limits == Limits():
        raise typer.BadParameter(
            "nothing to change: give --label, --channel, --update-count, --update-interval or another limit"
        )
    if limits.update_count == 0 and limits.update_interval is not None:
        raise typer.BadParameter("--update-count 0 removes the rate limit: an interval has no meaning then")
    changes = {} if label is None else {"displayName": label or None}
    found = call.run(
        lambda session: write(session, app_id, group_id, mode, changes=changes, channel=channel, limits=limits)
    )
    call.show_written(found.groups[0], found.columns, header=header)
    if limits.update_count == 0:
        output.remark("the group has no rate limit any more: updates are given out as fast as instances ask")


def set_paused(call: Call, app_id: str, group_id: str, *, paused: bool, header: bool) -> None:
    """Hold a group back or let it go on, and show it."""
    app_id = lookup.canonical_app_id(app_id)
    found = call.run(lambda session: write(session, app_id, group_id, Mode.UPDATE, changes={"paused": paused}))
    call.show_written(found.groups[0], found.columns, header=header)


def show_removed(call: Call, app_id: str, group_id: str) -> None:
    """Delete a group and say so."""
    app_id = lookup.canonical_app_id(app_id)
    deleted = call.run(lambda session: remove(session, app_id, group_id))
    call.show_deleted(deleted, f"deleted group: {group_id}, for application: {app_id}")


def _channel_ref(group: Object) -> str:
    return str(group["spec"]["channelRef"]["name"])
