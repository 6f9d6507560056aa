"""Which rollout is simulated? The documents of a file, or objects of the cluster → the group as it would be stamped now.

What isn't there is made up: the Application, a Channel that names version 2.0.0, and the Package of whatever version the Channel names.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from update_core import previews, versions
from update_core.resources.application import Application
from update_core.resources.base import API_VERSION
from update_core.resources.channel import Channel
from update_core.resources.group import Group
from update_core.resources.package import Package
from update_core.rollout.model import ResolvedGroup
from updatectl.errors import CommandError

FROM_VERSION, TO_VERSION = "1.0.0", "2.0.0"
_BEFORE_ALL = "0.0.0"

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Begun:
    """A group whose rollout begins, what its instances run, and what was made up for it."""

    group: ResolvedGroup
    from_version: str
    made_up: tuple[str, ...] = ()


def read(documents: Iterable[Any], name: str | None) -> Begun:
    """The rollout of the only Group among the documents, or of the one called `name`. Raises CommandError without."""
    ours = [found for found in documents if isinstance(found, dict) and found.get("apiVersion") == API_VERSION]
    by_kind = {kind: [found for found in ours if found.get("kind") == kind] for kind in _KINDS}
    groups = [found for found in by_kind["Group"] if name in {None, _name(found)}]
    if not groups:
        raise CommandError(f"there is no Group{f' called {name}' if name else ''} in the file")
    if len(groups) > 1:
        names = ", ".join(str(_name(found)) for found in groups)
        raise CommandError(f"there are several Groups in the file: say which with --group, one of {names}")
    return begun(groups[0], by_kind["Application"], by_kind["Channel"], by_kind["Package"])


def begun(
    group: Object, applications: Sequence[Object], channels: Sequence[Object], packages: Sequence[Object]
) -> Begun:
    """The rollout of a Group that would begin now, with those of the others that it belongs to."""
    try:
        return _begun(Group.parse(group), applications, channels, packages)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CommandError(f"{error.title} can't be read: {where}: {first['msg']}") from error


def _begun(
    group: Group, applications: Sequence[Object], channels: Sequence[Object], packages: Sequence[Object]
) -> Begun:
    reference, made_up = group.spec.application_ref.name, list[str]()
    found = [each for each in map(Application.parse, applications) if each.metadata.name == reference]
    application = found[0] if found else _application(reference)
    following = [each for each in map(Channel.parse, channels) if each.metadata.name == group.spec.channel_ref.name]
    if not following:
        made_up.append(f"The channel names version {TO_VERSION}.")
    channel = following[0] if following else _channel(reference, group.spec.channel_ref.name)
    there = [each for each in map(Package.parse, packages) if each.spec.application_ref.name == reference]
    target = channel.spec.version
    if not any(versions.same(each.spec.version, target) for each in there):
        made_up.append(f"There is a Package of version {target} for every machine.")
        there.append(_package(reference, target))
    return Begun(previews.begun(application, channel, there, group), _before(there, target), tuple(made_up))


def _before(packages: Iterable[Package], target: str) -> str:
    """What the fleet runs if nobody says: the newest version below the target that there is a Package of."""
    wanted = versions.parse(target)
    below = [found for each in packages if (found := versions.parse(each.spec.version)) < wanted]
    if below:
        return max(below).text
    return FROM_VERSION if versions.parse(FROM_VERSION) < wanted else _BEFORE_ALL


def seeded(begun: Begun, seed: int) -> Begun:
    """With a salt that follows from the seed, unless the group has one of its own."""
    group = begun.group
    if group.stamp is None:
        return begun
    stamp = replace(group.stamp, salt=group.plan.salt or f"simulation-{seed}")
    return replace(begun, group=replace(group, stamp=stamp))


def _application(name: str) -> Application:
    return Application.parse({"metadata": {"name": name}, "spec": {"appId": "com.example.simulated"}})


def _channel(application: str, name: str) -> Channel:
    spec = {"applicationRef": {"name": application}, "name": name, "version": TO_VERSION}
    return Channel.parse({"metadata": {"name": name}, "spec": spec})


def _package(application: str, version: str) -> Package:
    spec = {
        "applicationRef": {"name": application},
        "version": version,
        "url": "https://packages.example.com/simulated",
        "size": 1,
        "sha256": "0" * 64,
    }
    return Package.parse({"metadata": {"name": "simulated"}, "spec": spec})


def _name(found: Object) -> object:
    return found.get("metadata", {}).get("name")


_KINDS = ("Application", "Channel", "Group", "Package")
