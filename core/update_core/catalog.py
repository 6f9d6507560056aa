"""Resources → one immutable resolved snapshot, from which every check is answered without looking anything else up.

An Application is resolved as a whole, with its channels, groups and packages: a change of one of them rebuilds that Application and no
other. Names are unique within it: the oldest keeps a name, as the operator's conditions say.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar

from update_core import courses, plans, schedules, versions, ways
from update_core.fleet.grants import Timeouts
from update_core.resources.application import Application, ApplicationSpec
from update_core.resources.base import R, oldest_first
from update_core.resources.channel import Channel
from update_core.resources.conditions import ConditionType, Reason
from update_core.resources.group import Group, GroupSpec, VersionPolicy
from update_core.resources.package import Package
from update_core.rollout.model import Limits, ResolvedGroup, Stamp
from update_core.rollout.plan import UNGUARDED

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class ResolvedApplication:
    """An Application with its groups by track; `channels` holds, by channel name, the group that answers for a bare channel name."""

    app_id: str
    namespace: str
    name: str
    tracks: Mapping[str, ResolvedGroup] = field(default_factory=dict)
    channels: Mapping[str, ResolvedGroup] = field(default_factory=dict)
    default: ResolvedGroup | None = None
    instance_retention_seconds: int | None = None
    """For how long an instance is kept that isn't heard any more; None: for good."""

    def group_for(self, track: str) -> ResolvedGroup | None:
        """The group of an instance that sends `track`.

        A group's own track first. Else a channel's name: the default group if it follows that channel, or the oldest group that does
        (CoreOS' fake clients send the channel's name). Else the default group, None without one.
        """
        return self.tracks.get(track) or self.channels.get(track) or self.default


@dataclass(frozen=True, slots=True)
class Catalog:
    """Every Application by its canonical appId."""

    applications: Mapping[str, ResolvedApplication] = field(default_factory=lambda: MappingProxyType({}))

    def groups(self) -> Iterable[ResolvedGroup]:
        """Every resolved group."""
        for application in self.applications.values():
            yield from application.tracks.values()

    def group(self, app_id: str, track: str) -> ResolvedGroup | None:
        """The group with exactly this track."""
        application = self.applications.get(app_id)
        return application.tracks.get(track) if application else None


EMPTY = Catalog()


@dataclass(frozen=True, slots=True)
class Members:
    """The resources of one Application (those whose applicationRef names it, in its namespace)."""

    channels: Sequence[Channel] = ()
    groups: Sequence[Group] = ()
    packages: Sequence[Package] = ()


def owner(candidates: Sequence[Application]) -> Application | None:
    """The Application that answers for an appId that several claim: the one that the operator found Ready, else none that it refused.

    The claim itself is the operator's to award. Before it has, nothing can be offered anyway (offers need a stamp), so the oldest may
    answer checks.
    """
    contenders = [application for application in candidates if not _lost_claim(application)]
    ready = [application for application in contenders if _ready(application)]
    return next(iter(oldest_first(ready or contenders)), None)


def resolve_application(application: Application, members: Members, *, package_base_url: str) -> ResolvedApplication:
    """Resolve one Application. `package_base_url` is what relative urls stand on where the Application names no base of its own."""
    channels = oldest_by(members.channels, lambda channel: channel.spec.name)
    packages = oldest_by(members.packages, lambda package: (package.spec.version, package.spec.arch))
    by_object_name = {channel.metadata.name: channel for channel in channels.values()}
    available = ways.Available.of(packages.values())
    tracks: dict[str, ResolvedGroup] = {}
    followers: dict[str, ResolvedGroup] = {}
    default: ResolvedGroup | None = None
    default_name = application.spec.default_group_ref.name if application.spec.default_group_ref else None
    for track, group in oldest_by(members.groups, lambda group: group.spec.track).items():
        channel = by_object_name.get(group.spec.channel_ref.name)
        resolved = _resolve_group(application.spec, group, channel, available, package_base_url)
        tracks[track] = resolved
        is_default = group.metadata.name == default_name
        if is_default:
            default = resolved
        if channel is not None and (is_default or channel.spec.name not in followers):
            followers[channel.spec.name] = resolved
    return ResolvedApplication(
        app_id=application.spec.app_id,
        namespace=application.metadata.namespace,
        name=application.metadata.name,
        tracks=MappingProxyType(tracks),
        channels=MappingProxyType(followers),
        default=default,
        instance_retention_seconds=application.spec.instance_retention_seconds,
    )


def oldest_by(resources: Sequence[R], name: Callable[[R], K]) -> dict[K, R]:
    """The resources by a name that is unique among them: where several have it, the oldest."""
    unique: dict[K, R] = {}
    for resource in oldest_first(resources):
        unique.setdefault(name(resource), resource)
    return unique


def _resolve_group(
    application: ApplicationSpec,
    group: Group,
    channel: Channel | None,
    available: ways.Available,
    package_base_url: str,
) -> ResolvedGroup:
    spec = group.spec
    policy = spec.version_policy or VersionPolicy()
    base_url = application.package_base_url or package_base_url
    wanted = channel.spec.version if channel is not None else None
    stamp = _stamp(group, wanted)
    target = group.status.target if stamp is not None else None
    there, lost = ways.stamped(available, target, None, base_url) if target is not None else ((), ())
    return ResolvedGroup(
        namespace=group.metadata.namespace,
        name=group.metadata.name,
        app_id=application.app_id,
        track=spec.track,
        paused=spec.paused,
        limits=_limits(spec),
        timeouts=Timeouts(spec.update_timeout_seconds, spec.reboot_timeout_seconds),
        active_seconds=spec.active_seconds,
        wanted=versions.parse_or_none(wanted) if wanted is not None else None,
        stamp=stamp,
        payloads=there,
        lost=lost,
        target_version=group.status.target.version if group.status.target else None,
        completed=stamp is not None
        and group.status.rollout is not None
        and group.status.rollout.completed_time is not None,
        channel=spec.channel_ref.name,
        package=ways.package(group.status.target) if group.status.target else "",
        floors=ways.floors(available, target, channel.spec, base_url)
        if target is not None and channel is not None
        else (),
        dead_ends=available.dead_ends,
        blocked_versions=ways.blocked(policy.blocked_versions),
        allow_downgrade=policy.allow_downgrade,
        version_prefix=policy.prefix or "",
        excluded_oems=frozenset(spec.exclude.oems if spec.exclude else ()),
        schedule=schedules.read(spec),
        on_demand_bypasses=spec.on_demand == "BypassLimits",
        plan=plans.read(spec),
        course=courses.read(group.status.rollout)
        if stamp is not None and group.status.rollout is not None
        else UNGUARDED,
        # Neither can be 0.
        poll_interval_seconds=spec.poll_interval_seconds or application.poll_interval_seconds,
        retry_after_seconds=spec.retry_after_seconds or application.retry_after_seconds,
    )


def _limits(spec: GroupSpec) -> Limits:
    rate = spec.rate_limit
    return Limits(
        max_updates=rate.max_updates if rate else None,
        period_seconds=rate.period_seconds if rate else 0,
        max_in_flight=spec.max_in_flight,
    )


def _stamp(group: Group, wanted: str | None) -> Stamp | None:
    """The rollout in status, only where target, rollout and channel agree: a moved channel stops offers at once, without the operator."""
    target, rollout = group.status.target, group.status.rollout
    if target is None or rollout is None or wanted is None:
        return None
    if rollout.version != target.version or (rollout.kind == "Update" and target.version != wanted):
        return None
    return Stamp(
        rollout.sequence,
        rollout.version,
        rollout.salt,
        rollout.started_time,
        rollout.kind,
        rollout.from_version or "",
    )


def _condition(application: Application) -> tuple[str, str] | None:
    for condition in application.status.conditions:
        if condition.type == ConditionType.READY:
            return (condition.status, condition.reason)
    return None


def _ready(application: Application) -> bool:
    condition = _condition(application)
    return condition is not None and condition[0] == "True"


def _lost_claim(application: Application) -> bool:
    return _condition(application) == ("False", Reason.APP_ID_CONFLICT)
