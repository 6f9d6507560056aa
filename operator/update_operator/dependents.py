"""Whose status may change when an object does? The keys to reconcile after a change, the object's own first."""

from collections.abc import Iterator
from typing import Any

from update_core.resources.application import Application
from update_core.resources.channel import Channel
from update_core.resources.group import Group
from update_core.resources.package import Package
from update_operator import keys
from update_operator.cache import Cache, Change, Entry
from update_operator.keys import Key


def of_change(cache: Cache, change: Change) -> Iterator[Key]:
    """The keys whose reconciliation may come out differently; some may come twice."""
    yield change.key
    if _only_counts(change):
        yield from _after(cache, change.key.namespace, change.key.name)
        return
    for entry in (change.old, change.new):
        if entry is not None:
            yield from _of_entry(cache, entry)


def of_progress(cache: Cache, app_id: str, track: str) -> Iterator[Key]:
    """The Groups whose instances `track` of `app_id` counts."""
    for application in cache.select(Application, "appId", app_id):
        namespace, name = application.key
        for group in cache.select(Group, "track", namespace, name, track):
            yield keys.of_resource(group)


def goes_after(group: Group) -> tuple[str, ...]:
    """The names of the Groups that go before one."""
    rollout = group.spec.rollout
    return () if rollout is None else tuple(each.group_ref.name for each in rollout.depends_on)


def of_claim(cache: Cache, app_id: str) -> Iterator[Key]:
    """The Applications that want an appId."""
    for application in cache.select(Application, "appId", app_id):
        yield keys.of_resource(application)


def _of_entry(cache: Cache, entry: Entry) -> Iterator[Key]:
    match entry:
        case Application():
            yield from _of_application(cache, entry)
        case Channel():
            yield from _of_channel(cache, entry)
        case Group():
            yield from _of_group(cache, entry)
        case Package():
            yield from _of_package(cache, entry)
        case _:
            return


def _of_application(cache: Cache, application: Application) -> Iterator[Key]:
    namespace, name = application.key
    yield from of_claim(cache, application.spec.app_id)
    for channel in cache.select(Channel, "application", namespace, name):
        yield keys.of_resource(channel)
    for package in cache.select(Package, "application", namespace, name):
        yield keys.of_resource(package)
    for group in cache.select(Group, "application", namespace, name):
        yield keys.of_resource(group)


def _of_channel(cache: Cache, channel: Channel) -> Iterator[Key]:
    namespace, name = channel.key
    for group in cache.select(Group, "channel", namespace, name):
        yield keys.of_resource(group)
    for rival in cache.select(Channel, "name", namespace, channel.spec.application_ref.name, channel.spec.name):
        yield keys.of_resource(rival)
        # The name may pass from one to the other, and with it the Groups.
        for group in cache.select(Group, "channel", namespace, rival.metadata.name):
            yield keys.of_resource(group)


def _of_group(cache: Cache, group: Group) -> Iterator[Key]:
    namespace, name = group.key
    yield Key(Channel.kind, namespace, group.spec.channel_ref.name)
    for rival in cache.select(Group, "track", namespace, group.spec.application_ref.name, group.spec.track):
        yield keys.of_resource(rival)
    for application in cache.select(Application, "defaultGroup", namespace, name):
        yield keys.of_resource(application)
    yield from _after(cache, namespace, name)


def _after(cache: Cache, namespace: str, name: str) -> Iterator[Key]:
    """The Groups that go after one: also its counts matter to them."""
    for group in cache.select(Group, "dependsOn", namespace, name):
        yield keys.of_resource(group)


def _of_package(cache: Cache, package: Package) -> Iterator[Key]:
    namespace, application = package.metadata.namespace, package.spec.application_ref.name
    version = package.spec.version
    for rival in cache.select(Package, "version", namespace, application, version):
        yield keys.of_resource(rival)
    for channel in cache.select(Channel, "version", namespace, application, version):
        yield keys.of_resource(channel)
        for group in cache.select(Group, "channel", namespace, channel.metadata.name):
            yield keys.of_resource(group)
    for group in cache.select(Group, "promoted", namespace, application, version):
        yield keys.of_resource(group)


def _only_counts(change: Change) -> bool:
    """Whether a Group's instances were counted anew and nothing else happened."""
    old, new = change.old, change.new
    if not (isinstance(old, Group) and isinstance(new, Group)):
        return False
    without: dict[str, Any] = {"instances": None, "progress": None}
    same_spec = old.spec == new.spec and old.metadata.uid == new.metadata.uid
    return same_spec and old.status.model_copy(update=without) == new.status.model_copy(update=without)
