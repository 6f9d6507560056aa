"""What does an object's status depend on? The cache's answer, as the views that the reconcile functions take."""

from update_core import targets
from update_core.resources.application import Application
from update_core.resources.base import oldest_first
from update_core.resources.channel import Channel
from update_core.resources.group import Group
from update_core.resources.package import Package
from update_operator import dependents, keys
from update_operator.cache import Cache
from update_operator.progress import FleetFollower
from update_operator.reconcile import application, channel, dependencies, group, package
from update_operator.reconcile.dependencies import Depended
from update_operator.reconcile.outcome import Contact, Fleet

_NOBODY = Fleet(Contact.STARTING)


def of_application(cache: Cache, found: Application, owner_namespace: str | None) -> application.View:
    """An Application, with the namespace that owns its appId."""
    namespace = found.metadata.namespace
    default = found.spec.default_group_ref
    return application.View(
        application=found,
        owner_namespace=owner_namespace,
        rivals=tuple(
            a for a in cache.select(Application, "appId", found.spec.app_id) if a.metadata.namespace == namespace
        ),
        default_group=cache.get(Group, namespace, default.name) if default else None,
    )


def of_package(cache: Cache, found: Package) -> package.View:
    """A Package."""
    namespace, name = found.metadata.namespace, found.spec.application_ref.name
    return package.View(
        package=found,
        application=cache.get(Application, namespace, name),
        rivals=tuple(
            rival
            for rival in cache.select(Package, "version", namespace, name, found.spec.version)
            if rival.spec.arch == found.spec.arch
        ),
    )


def of_channel(cache: Cache, found: Channel) -> channel.View:
    """A Channel with the Groups that follow it."""
    namespace, name = found.metadata.namespace, found.spec.application_ref.name
    followers = cache.select(Group, "channel", namespace, found.metadata.name)
    return channel.View(
        channel=found,
        application=cache.get(Application, namespace, name),
        rivals=tuple(cache.select(Channel, "name", namespace, name, found.spec.name)),
        packages=_packages(cache, found),
        steps=_steps(cache, found),
        followers=tuple(follower for follower in followers if follower.spec.application_ref.name == name),
    )


def of_group(cache: Cache, found: Group, follower: FleetFollower) -> group.View:
    """A Group with the packages that it should be moving to, and what is known of its instances."""
    namespace, name = found.metadata.namespace, found.spec.application_ref.name
    its_application = cache.get(Application, namespace, name)
    its_channel = cache.get(Channel, namespace, found.spec.channel_ref.name)
    holders = cache.select(Channel, "name", namespace, name, its_channel.spec.name) if its_channel else []
    fleet = follower.fleet(its_application.spec.app_id, found.spec.track) if its_application else _NOBODY
    return group.View(
        group=found,
        application=its_application,
        channel=its_channel,
        fleet=fleet,
        rivals=tuple(cache.select(Group, "track", namespace, name, found.spec.track)),
        channel_holder=next(iter(oldest_first(holders)), None),
        packages=_packages(cache, its_channel) if its_channel else (),
        steps=_steps(cache, its_channel) if its_channel else (),
        older=_older(cache, found, fleet),
        depended=_depended(cache, found),
        circle=_circle(cache, found),
        changed_by=cache.version_manager(keys.of_resource(its_channel)) if its_channel else None,
    )


def _older(cache: Cache, found: Group, fleet: Fleet) -> dict[str, tuple[Package, ...]]:
    """The Packages of versions to which the Group may be moved back."""
    policy, wanted = found.spec.rollout, set[str]()
    if policy is not None and policy.on_halt == "Rollback":
        wanted = {entry.version for entry in found.status.history if entry.outcome == "Promoted"}
    record = fleet.progress.rollout if fleet.progress else None
    if record is not None and record.kind == "Rollback":
        wanted.add(record.version)
    namespace, name = found.metadata.namespace, found.spec.application_ref.name
    return {
        version: targets.by_architecture(cache.select(Package, "version", namespace, name, version))
        for version in sorted(wanted)
    }


def _depended(cache: Cache, found: Group) -> dict[str, Depended]:
    """The Groups of dependsOn that exist, with their Channels' versions."""
    depended, namespace = {}, found.metadata.namespace
    for name in dependents.goes_after(found):
        other = cache.get(Group, namespace, name)
        if other is not None:
            its_channel = cache.get(Channel, namespace, other.spec.channel_ref.name)
            depended[name] = Depended(other, its_channel.spec.version if its_channel else None)
    return depended


def _circle(cache: Cache, found: Group) -> tuple[str, ...]:
    """The way by dependsOn from a Group back to itself; empty where there is none."""
    if not dependents.goes_after(found):
        return ()

    def after(name: str) -> tuple[str, ...]:
        group = cache.get(Group, found.metadata.namespace, name)
        return dependents.goes_after(group) if group is not None else ()

    return dependencies.circle(found.metadata.name, after)


def _packages(cache: Cache, its_channel: Channel) -> tuple[Package, ...]:
    """The Packages of the channel's version, one for each architecture."""
    return _of_version(cache, its_channel, its_channel.spec.version)


def _steps(cache: Cache, its_channel: Channel) -> tuple[targets.Step, ...]:
    """The floors below the channel's version with their Packages, lowest first."""
    return tuple(
        targets.Step(floor, _of_version(cache, its_channel, floor.version))
        for floor in targets.floors(its_channel.spec)
    )


def _of_version(cache: Cache, its_channel: Channel, version: str) -> tuple[Package, ...]:
    namespace, name = its_channel.metadata.namespace, its_channel.spec.application_ref.name
    return targets.by_architecture(cache.select(Package, "version", namespace, name, version))
