"""What can be wrong with what an object refers to, in words that name the object and what to do."""

from collections.abc import Sequence

from update_core import versions
from update_core.resources.application import Application
from update_core.resources.base import R, oldest_first
from update_core.resources.channel import Channel
from update_core.resources.conditions import ConditionType, Reason
from update_operator.reconcile import conditions
from update_operator.reconcile.outcome import Problem

_BLOCKING = frozenset({Reason.APP_ID_CONFLICT.value, Reason.INVALID_SPEC.value})


def awaited(application: Application | None) -> bool:
    """Whether the Application has yet to be reconciled for the first time: who owns its appId isn't known."""
    return application is not None and conditions.find(application.status.conditions, ConditionType.READY) is None


def application_problem(name: str, application: Application | None) -> Problem | None:
    """What keeps a member of the Application `name` from being Ready. A missing default group is the Application's own trouble."""
    if application is None:
        return Problem(Reason.REFERENCE_NOT_FOUND, f'Application "{name}" does not exist in this namespace.')
    ready = conditions.find(application.status.conditions, ConditionType.READY)
    if ready is None or ready.status != "False" or ready.reason not in _BLOCKING:
        return None
    reason = Reason.APP_ID_CONFLICT if ready.reason == Reason.APP_ID_CONFLICT else Reason.REFERENCE_NOT_FOUND
    return Problem(reason, f'Application "{name}" is not ready: {ready.message}')


def channel_problem(
    application_name: str, name: str, channel: Channel | None, holder: Channel | None
) -> Problem | None:
    """What keeps a Group from following the Channel `name`; `holder` is the Channel that has its channel name."""
    if channel is None:
        return Problem(Reason.REFERENCE_NOT_FOUND, f'Channel "{name}" does not exist in this namespace.')
    owner = channel.spec.application_ref.name
    if owner != application_name:
        return Problem(
            Reason.REFERENCE_NOT_FOUND,
            f'Channel "{name}" belongs to Application "{owner}", this Group to "{application_name}". '
            "Name a Channel of the same Application in channelRef.",
        )
    if holder is not None and holder.metadata.name != name:
        return Problem(
            Reason.REFERENCE_NOT_FOUND,
            f'Channel "{name}" is not ready: the older Channel "{holder.metadata.name}" has its name "{channel.spec.name}".',
        )
    invalid = version_problem(channel.spec.version)
    if invalid is not None:
        return Problem(Reason.REFERENCE_NOT_FOUND, f'Channel "{name}" is not ready: {invalid.message}')
    return None


def version_problem(version: str) -> Problem | None:
    """What is wrong with a version that the schema let through."""
    try:
        versions.parse(version)
    except ValueError as error:
        return Problem(Reason.INVALID_SPEC, f"spec.version: {error}.")
    return None


def older_rival(resource: R, rivals: Sequence[R]) -> R | None:
    """The one of `rivals` (equals in name, the resource itself among them or not) that has precedence over `resource`."""
    oldest = next(iter(oldest_first([*rivals, resource])), resource)
    return None if oldest.key == resource.key else oldest
