"""Groups: instances that move together, how fast they may, and whether they may at all."""

from typing import Annotated

import typer

from updatectl import group_objects, intervals, lookup, output, policies, schedules
from updatectl.commands import AppId, Call, GroupId, noun, reading, writing
from updatectl.group_objects import Options
from updatectl.intervals import PollInterval, RetryAfter
from updatectl.limits import Limits, MaxInFlight, UpdateCount, UpdateInterval, UpdateTimeout
from updatectl.policies import (
    AllowDowngrade,
    BlockedVersions,
    ExcludedOems,
    OnDemandOption,
    Policy,
    UnblockedVersions,
    VersionPrefix,
)
from updatectl.rollout_options import RolloutChange, RolloutOptions
from updatectl.schedules import Freezes, NoFreezes, NoWindows, Windows
from updatectl.session import Mode

app = noun("Groups: instances that move together.")

Channel = Annotated[str | None, typer.Option("--channel", help="The channel to follow.")]
Label = Annotated[str | None, typer.Option("--label", help="A name for people.")]


@reading(app, "list", "updatectl group list e96281a6-d1af-4bde-9a0a-97b76e56dc57 -o wide")
def list_(call: Call, app_id: AppId) -> None:
    """List an application's groups."""
    show_list(call, app_id)


@reading(app, "get", "updatectl group get e96281a6-d1af-4bde-9a0a-97b76e56dc57 fake1 -o yaml")
def get(call: Call, app_id: AppId, group_id: GroupId) -> None:
    """Show one group."""
    app_id = lookup.canonical_app_id(app_id)
    found = call.run(lambda session: group_objects.find(session, app_id, group_id))
    output.show(found.groups[0], found.columns, call.form, header=True)


@writing(
    app,
    "create",
    'updatectl group create e96281a6-d1af-4bde-9a0a-97b76e56dc57 fake1 --channel master --label "Fake Clients"',
    "updatectl group create com.example.web berlin --channel stable --update-count 2 --update-interval 60",
    "updatectl group create com.example.web berlin --channel stable --oem-blacklist ami,azure --version-prefix 1.2",
    "updatectl group create com.example.web berlin --channel stable --wave canary:20i,bake=1h --wave early:5% --halt-on-failures 2%",
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
    window: Windows = None,
    freeze: Freezes = None,
    *,
    rollout: RolloutOptions,
) -> None:
    """Create a group."""
    options = Options(
        label=label,
        channel=channel,
        limits=Limits(update_count, update_interval, max_in_flight, update_timeout),
        policy=Policy(policies.oems(oem_blacklist), allow_downgrade, version_prefix, on_demand),
        schedule=schedules.given(window, freeze),
        rollout=rollout,
        intervals=intervals.fields(poll_interval, retry_after),
    )
    put(call, app_id, group_id, Mode.CREATE, options, header=True)


@writing(
    app,
    "update",
    "updatectl group update e96281a6-d1af-4bde-9a0a-97b76e56dc57 fake1 --update-count 2 --update-interval 60",
    "updatectl group update e96281a6-d1af-4bde-9a0a-97b76e56dc57 fake1 --update-count 0   # no rate limit any more",
    'updatectl group update com.example.web berlin --window "Mon-Fri 22:00 6h Europe/Berlin" --window "Sun 02:00 8h Europe/Berlin"',
    'updatectl group update com.example.web berlin --freeze "2026-12-20T00:00Z/2027-01-04T00:00Z=holidays" --no-windows',
    "updatectl group update com.example.web berlin --block 1.4.0 --unblock 1.3.0",
    'updatectl group update com.example.web berlin --exclude-oem "" --on-demand BypassLimits   # no OEM is left out',
    'updatectl group update com.example.web berlin --wave "canary:2%,bake=2h" --wave "everybody:100%,approval" --on-halt rollback',
    "updatectl group update com.example.web berlin --depends-on frankfurt:90:2h --retry 3 --retry-backoff 10m",
    "updatectl group update com.example.web berlin --no-waves --linear-over 24h --linear-from 5",
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
    window: Windows = None,
    no_windows: NoWindows = False,
    freeze: Freezes = None,
    no_freezes: NoFreezes = False,
    block: BlockedVersions = None,
    unblock: UnblockedVersions = None,
    *,
    rollout: RolloutChange,
) -> None:
    """Change a group. What isn't given stays as it is; 0 or an empty text takes away."""
    options = Options(
        label=label,
        channel=channel,
        limits=Limits(update_count, update_interval, max_in_flight, update_timeout),
        policy=Policy(
            policies.oems(oem_blacklist),
            allow_downgrade,
            version_prefix,
            on_demand,
            blocked=tuple(block or ()),
            unblocked=tuple(unblock or ()),
        ),
        schedule=schedules.given(window, freeze, no_windows=no_windows, no_freezes=no_freezes),
        rollout=rollout,
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
    found = call.run(lambda session: group_objects.list_of(session, app_id))
    output.show_list(found.groups, found.columns, call.form)


def put(call: Call, app_id: str, group_id: str, mode: Mode, options: Options, *, header: bool) -> None:
    """Create or change a group and show it."""
    app_id = lookup.canonical_app_id(app_id)
    if mode is Mode.UPDATE and options.says_nothing:
        raise typer.BadParameter(
            "nothing to change: give --label, --channel, --update-count, --update-interval or another option"
        )
    if options.limits.update_count == 0 and options.limits.update_interval is not None:
        raise typer.BadParameter("--update-count 0 removes the rate limit: an interval has no meaning then")
    found = call.run(lambda session: group_objects.write(session, app_id, group_id, mode, options))
    call.show_written(found.groups[0], found.columns, header=header)
    if options.limits.update_count == 0:
        output.remark("the group has no rate limit any more: updates are given out as fast as instances ask")


def set_paused(call: Call, app_id: str, group_id: str, *, paused: bool, header: bool) -> None:
    """Hold a group back or let it go on, and show it."""
    app_id = lookup.canonical_app_id(app_id)
    found = call.run(lambda session: group_objects.set_paused(session, app_id, group_id, paused=paused))
    call.show_written(found.groups[0], found.columns, header=header)


def show_removed(call: Call, app_id: str, group_id: str) -> None:
    """Delete a group and say so."""
    app_id = lookup.canonical_app_id(app_id)
    deleted = call.run(lambda session: group_objects.remove(session, app_id, group_id))
    call.show_deleted(deleted, f"deleted group: {group_id}, for application: {app_id}")
