"""What does an instance ask? Its update check, in the terms of the rules.

Worked out once for all instances that send the same form, so it is without a name: `named` says whose question it is.
"""

import functools

from omaha_api.instances import machines
from update_core import architectures
from update_core.fleet import attributes as machine
from update_core.fleet.attributes import Attributes
from update_core.omaha import dialects, messages
from update_core.rollout.model import Instance

ON_DEMAND = frozenset({"ondemandupdate", "ondemandcheckforupdate", "ondemand"})
"""The words for "somebody waits for the answer": of update_engine and Omaha 3, of Omaha 3 alone, of ue-rs and Chromium. Anybody can send
them, so it is the group's to say whether they count."""

_NOTHING_ASKED = messages.UpdateCheck()

_architecture = functools.lru_cache(maxsize=1024)(architectures.of)


def question(request: messages.Request, app: messages.AppRequest, codec: dialects.Codec = dialects.XML_30) -> Instance:
    """What a request says that rules look at, but for who sent it. `codec` answers it: not all have room for several versions.

    The machine isn't described but in a request that asks for an update: others say nothing of it that counts.
    """
    asked, os = app.updatecheck or _NOTHING_ASKED, request.os
    arch = _architecture(machines.bounded(app.board), machines.bounded(os.arch), machines.bounded(os.sp))
    # By place, as in `named`: each request makes one.
    return Instance(
        None,
        machines.bounded(app.version),
        asked.updatedisabled,
        asked.sameversionupdate,
        asked.rollback_allowed,
        # Never cut and never left out: a limit that isn't understood must not become none.
        asked.targetversionprefix,
        arch,
        machines.bounded(app.oem),
        request.installsource in ON_DEMAND or app.installsource in ON_DEMAND,
        app.multi_manifest_ok and codec.several_manifests,
        machine.NONE if app.updatecheck is None else machines.attributes_of(machines.told(app, os)),
    )


def remembered(instance_id: str, version: str, attributes: Attributes, *, updates_disabled: bool) -> Instance:
    """What an instance would ask that was heard before: as its machine was described, and without limits that only its requests say."""
    return Instance(
        instance_id,
        version,
        updates_disabled=updates_disabled,
        arch=_architecture(attributes.board, attributes.arch, attributes.sp),
        oem=attributes.oem,
        machine=attributes,
    )


def named(asked: Instance, instance_id: str | None) -> Instance:
    """The same question, of this instance."""
    # By place: a third of what dataclasses.replace costs.
    return Instance(
        instance_id,
        asked.version,
        asked.updates_disabled,
        asked.same_version,
        asked.rollback_allowed,
        asked.version_prefix,
        asked.arch,
        asked.oem,
        asked.on_demand,
        asked.several_versions,
        asked.machine,
    )


def is_plain(asked: Instance) -> bool:
    """Whether the client sets the decision no limits of its own, and allows it nothing that others don't."""
    return not (
        asked.updates_disabled
        or asked.same_version
        or asked.rollback_allowed
        or asked.version_prefix
        or asked.several_versions
    )
