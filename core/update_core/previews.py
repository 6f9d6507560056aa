"""What would a rollout be that began now? A Group as it would be resolved right after the operator had stamped what there is."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from update_core import catalog, payloads, targets, versions
from update_core.resources.application import Application
from update_core.resources.base import ChannelRef, ObjectMeta
from update_core.resources.channel import Channel
from update_core.resources.group import Group, GroupSpec, GroupStatus
from update_core.resources.package import Package
from update_core.rollout.model import Hop, Payload, ResolvedGroup, Stamp

_NOWHERE = "http://localhost/"
"""What relative URLs stand on: where payloads lie doesn't matter to what is looked at here."""


def begun(
    application: Application, channel: Channel, packages: Sequence[Package], group: Group | None
) -> ResolvedGroup:
    """The group, or one that says nothing of its own, as if a rollout to the channel's version had just begun."""
    followed = _following(application, channel, group)
    members = catalog.Members((channel,), (followed,), packages)
    resolved = catalog.resolve_application(application, members, package_base_url=_NOWHERE)
    there = [package for package in packages if package.metadata.deletion_timestamp is None]
    return replace(
        resolved.tracks[followed.spec.track],
        stamp=Stamp(1, channel.spec.version, "preview", datetime(1970, 1, 1, tzinfo=UTC)),
        payloads=_payloads(there, channel.spec.version),
        floors=tuple(
            Hop(versions.parse(floor.version), _payloads(there, floor.version), reason=floor.reason or "")
            for floor in targets.floors(channel.spec)
        ),
    )


def _payloads(packages: Sequence[Package], version: str) -> tuple[Payload, ...]:
    chosen = targets.by_architecture(package for package in packages if package.spec.version == version)
    return tuple(payloads.locate(package.spec, _NOWHERE) for package in chosen)


def _following(application: Application, channel: Channel, group: Group | None) -> Group:
    """Without status: what was stamped is over."""
    reference = ChannelRef(name=channel.metadata.name)
    if group is not None:
        spec = group.spec.model_copy(update={"channel_ref": reference})
        return group.model_copy(update={"spec": spec, "status": GroupStatus()})
    spec = GroupSpec(application_ref=channel.spec.application_ref, channel_ref=reference, track="any")
    metadata = ObjectMeta(name="any", namespace=application.metadata.namespace)
    return Group(metadata=metadata, spec=spec)
