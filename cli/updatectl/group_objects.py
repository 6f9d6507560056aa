"""Groups as objects: how they are found, shown and written."""

from collections.abc import Callable
from dataclasses import dataclass, field

from update_kube.resources import GROUPS
from updatectl import dependencies, lookup, naming, output, schedules, waves
from updatectl.limits import Limits
from updatectl.policies import Policy
from updatectl.rollout_options import RolloutOptions
from updatectl.schedules import Schedule
from updatectl.session import Changes, Mode, Object, Session, Target


@dataclass(frozen=True)
class Options:
    """What may be said of a group; None is left as it is."""

    label: str | None = None
    channel: str | None = None
    limits: Limits = field(default_factory=Limits)
    policy: Policy = field(default_factory=Policy)
    schedule: Schedule = field(default_factory=Schedule)
    rollout: RolloutOptions = field(default_factory=RolloutOptions)
    intervals: Changes = field(default_factory=dict)

    @property
    def says_nothing(self) -> bool:
        """Whether all is left as it is."""
        return self == Options(rollout=type(self.rollout)())

    def changes(self, existing: Object | None) -> Changes:
        """The spec's fields, but for those that name other objects."""
        label = {} if self.label is None else {"displayName": self.label or None}
        parts = (self.limits, self.policy, self.rollout)
        changed = {name: value for part in parts for name, value in part.changes(existing).items()}
        return {**label, **self.schedule.changes(), **self.intervals, **changed}


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
            output.Column("Blocked", _blocked, wide=True),
            output.Column(
                "Windows", lambda o: _typed(o["spec"], "maintenanceWindows", schedules.window_text), wide=True
            ),
            output.Column("Freezes", lambda o: _typed(o["spec"], "freezes", schedules.freeze_text), wide=True),
            output.Column("Waves", lambda o: _typed(_policy(o), "waves", waves.text), wide=True),
            output.Column("DependsOn", lambda o: _typed(_policy(o), "dependsOn", dependencies.text), wide=True),
            output.Column("Target", lambda o: o.get("status", {}).get("target", {}).get("version"), wide=True),
            output.Column("Open", _open, wide=True),
            output.Column("Halted", lambda o: output.condition(o, "Halted"), wide=True),
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


async def write(session: Session, app_id: str, group_id: str, mode: Mode, options: Options) -> Found:
    """Create or change a group."""
    application = await lookup.application(session, app_id)
    reference = application["metadata"]["name"]
    named: dict[str, object] = {"applicationRef": {"name": reference}, "track": group_id}
    if options.channel is not None:
        found = await lookup.channel(session, application, options.channel)
        named["channelRef"] = {"name": found["metadata"]["name"]}
    first = options.rollout.dependencies
    if first is not None:
        named["rollout.dependsOn"] = await dependencies.resolved(session, application, first) or None
    return await _put(session, application, group_id, mode, lambda existing: {**named, **options.changes(existing)})


async def set_paused(session: Session, app_id: str, group_id: str, *, paused: bool) -> Found:
    """Hold a group back, or let it go on."""
    application = await lookup.application(session, app_id)
    named = {"applicationRef": {"name": application["metadata"]["name"]}, "track": group_id}
    return await _put(session, application, group_id, Mode.UPDATE, lambda _: {**named, "paused": paused})


async def remove(session: Session, app_id: str, group_id: str) -> Object:
    """Delete a group."""
    found = await lookup.group(session, await lookup.application(session, app_id), group_id)
    await session.delete(GROUPS, found)
    return found


async def _put(
    session: Session, application: Object, group_id: str, mode: Mode, wanted: Callable[[Object | None], Changes]
) -> Found:
    app_id = application["spec"]["appId"]
    target = Target(
        resource=GROUPS,
        name=naming.member(application["metadata"]["name"], group_id),
        find=lambda: lookup.find_group(session, application, group_id),
        noun="group",
        handle=f"{app_id} {group_id}",
    )
    written = await session.write(target, wanted, mode)
    return Found([written], await lookup.channel_names(session, application), app_id)


def _typed(parent: Object, field_name: str, text: Callable[[Object], str]) -> str:
    """A list of the spec as it can be typed."""
    return "; ".join(text(item) for item in parent.get(field_name, ()))


def _policy(group: Object) -> Object:
    return dict(group["spec"].get("rollout") or {})


def _open(group: Object) -> str:
    """The waves that are open, in the order in which they were opened."""
    opened = group.get("status", {}).get("rollout", {}).get("open") or ()
    return ",".join(wave["name"] for wave in opened)


def _blocked(group: Object) -> str:
    return ",".join(group["spec"].get("versionPolicy", {}).get("blockedVersions", ()))


def _channel_ref(group: Object) -> str:
    return str(group["spec"]["channelRef"]["name"])
