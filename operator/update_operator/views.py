"""What does an object's status depend on? The cache's answer, as the views that the reconcile functions take."""

from update_core.resources.application import Application
from update_core.resources.base import oldest_first
from update_core.resources.channel import Channel
from update_core.resources.group import Group
from update_core.resources.package import Package
from update_operator.cache import Cache
from update_operator.progress import FleetFollower
from update_operator.reconcile import application, channel, group, package
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
        followers=tuple(follower for follower in followers if follower.spec.application_ref.name == name),
    )


def of_group(cache: Cache, found: Group, follower: FleetFollower) -> group.View:
    """A Group with the packages that it should be moving to, and what is known of its instances."""
    namespace, name = found.metadata.namespace, found.spec.application_ref.name
    its_application = cache.get(Application, namespace, name)
    its_channel = cache.get(Channel, namespace, found.spec.channel_ref.name)
    holders = cache.select(Channel, "name", namespace, name, its_channel.spec.name) if its_channel else []
    return group.View(
        group=found,
        application=its_application,
        channel=its_channel,
        fleet=follower.fleet(its_application.spec.app_id, found.spec.track) if its_application else _NOBODY,
        rivals=tuple(cache.select(Group, "track", namespace, name, found.spec.track)),
        channel_holder=next(iter(oldest_first(holders)), None),
        packages=_packages(cache, its_channel) if its_channel else (),
    )


def _packages(cache: Cache, its_channel: Channel) -> tuple[Package, ...]:
    """The Packages of the channel's version that aren't being deleted: of each architecture the oldest, the one for all first."""
    namespace, name = its_channel.metadata.namespace, its_channel.spec.application_ref.name
    candidates = cache.select(Package, "version", namespace, name, its_channel.spec.version)
    by_arch: dict[str, Package] = {}
    for candidate in oldest_first(candidates):
        if candidate.metadata.deletion_timestamp is None:
            by_arch.setdefault(candidate.spec.arch or "", candidate)
    # In the architectures' order, so that the stamp is the same whatever order they appeared in.
    return tuple(by_arch[arch] for arch in sorted(by_arch))
