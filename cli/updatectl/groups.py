"""Groups: instances that move together, how fast they may, and whether they may at all."""

from dataclasses import dataclass, field
from typing import Annotated

import typer

from update_kube.resources import GROUPS
from updatectl import intervals, lookup, naming, output, policies
from updatectl.commands import AppId, Call, GroupId, noun, reading, writing
from updatectl.intervals import PollInterval, RetryAfter
from updatectl.limits import Limits, MaxInFlight, UpdateCount, UpdateInterval, UpdateTimeout
from updatectl.policies import AllowDowngrade, ExcludedOems, OnDemandOption, Policy, VersionPrefix
from updatectl.session import Changes, Mode, Object, Session, Target

app = noun("Groups: instances that move together.")

Channel = Annotated[str | None, typer.Option("--channel", help="The channel to follow.")]
Label = Annotated[str | None, typer.Option("--label", help="A name for people.")]


@dataclass(frozen=True)
class Options:
    """What may be said of a group; None is left as it is."""

    label: str | None = None
    channel: str | None = None
    limits: Limits = field(default_factory=Limits)
    policy: Policy = field(default_factory=Policy)
    intervals: Changes = field(default_factory=dict)

    @property
    def changes(self) -> Changes:
        """The spec's fields that don't depend on what the group was."""
        label = {} if self.label is None else {"displayName": self.label or None}
        return {**label, **self.intervals}


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
            output.Column("ExcludedOEMs", lambda o: ",".join(o["spec"].get("exclude", {}).get("oems", ())), wide=True),
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
    policy: Policy | None = None,
) -> Found:
    """Create or change a group: `changes` of its fields, the channel that it follows, its limits, whom it serves."""
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

    def wanted(existing: Object | None) -> Changes:
        parts = ((limits or Limits()).changes(existing), (policy or Policy()).changes(existing))
        return {**identity, **(changes or {}), **parts[0], **parts[1]}

    written = await session.write(target, wanted, mode)
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
    "updatectl group create com.example.web berlin --channel stable --oem-blacklist ami,azure --version-prefix 1.2",
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
    oem_blacklist: ExcludedOems = None,
    allow_downgrade: AllowDowngrade = None,
    version_prefix: VersionPrefix = None,
    on_demand: OnDemandOption = None,
    poll_interval: PollInterval = None,
    retry_after: RetryAfter = None,
) -> None:
    """Create a group."""
    options = Options(
        label=label,
        channel=channel,
        limits=Limits(update_count, update_interval, max_in_flight, update_timeout),
        policy=Policy(policies.oems(oem_blacklist), allow_downgrade, version_prefix, on_demand),
        intervals=intervals.fields(poll_interval, retry_after),
    )
    put(call, app_id, group_id, Mode.CREATE, options, header=True)


@writing(
    app,
    "update",
    "updatectl group update e96281a6-d1af-4bde-9a0a-97b76e56dc57 fake1 --update-count 2 --update-interval 60",
    "updatectl group update e96281a6-d1af-4bde-9a0a-97b76e56dc57 fake1 --update-count 0   # no rate limit any more",
    'updatectl group update com.example.web berlin --exclude-oem "" --on-demand BypassLimits   # no OEM is left out',
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
    oem_blacklist: ExcludedOems = None,
    allow_downgrade: AllowDowngrade = None,
    version_prefix: VersionPrefix = None,
    on_demand: OnDemandOption = None,
    poll_interval: PollInterval = None,
    retry_after: RetryAfter = None,
) -> None:
    """Change a group. What isn't given stays as it is; 0 or an empty text takes away."""
    options = Options(
        label=label,
        channel=channel,
        limits=Limits(update_count, update_interval, max_in_flight, update_timeout),
        policy=Policy(policies.oems(oem_blacklist), allow_downgrade, version_prefix, on_demand),
        intervals=intervals.fields(poll_interval, retry_after),
    )
    put(call, app_id, group_id, Mode.UPDATE, options, header=True)


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


def put(call: Call, app_id: str, group_id: str, mode: Mode, options: Options, *, header: bool) -> None:
    """Create or change a group and show it."""
    app_id = lookup.canonical_app_id(app_id)
    if mode is Mode.UPDATE and options == Options():
        raise typer.BadParameter(
            "nothing to change: give --label, --channel, --update-count, --update-interval or another option"
        )
    if options.limits.update_count == 0 and options.limits.update_interval is not None:
        raise typer.BadParameter("--update-count 0 removes the rate limit: an interval has no meaning then")
    found = call.run(
        lambda session: write(
            session,
            app_id,
            group_id,
            mode,
            changes=options.changes,
            channel=options.channel,
            limits=options.limits,
            policy=options.policy,
        )
    )
    call.show_written(found.groups[0], found.columns, header=header)
    if options.limits.update_count == 0:
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
