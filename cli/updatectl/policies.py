"""Which versions may a group's instances get, and which instances none at all? The options that say so → the fields of its spec."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from updatectl import ownership
from updatectl.errors import CommandError, owned_elsewhere
from updatectl.session import Changes, Object


class OnDemand(StrEnum):
    """What a check that somebody waits for may do."""

    RESPECT = "Respect"
    BYPASS_LIMITS = "BypassLimits"


ExcludedOems = Annotated[
    list[str] | None,
    typer.Option(
        "--oem-blacklist",
        "--exclude-oem",
        metavar="OEM[,OEM]",
        help="Give nothing to instances that report one of these OEMs; may be given several times. Empty: to all.",
    ),
]
AllowDowngrade = Annotated[
    bool | None,
    typer.Option(
        "--allow-downgrade/--no-allow-downgrade", help="Whether instances that ask to be rolled back are moved down."
    ),
]
VersionPrefix = Annotated[
    str | None,
    typer.Option("--version-prefix", help="Give out versions that begin with this only, such as 1.2; empty: any."),
]
OnDemandOption = Annotated[
    OnDemand | None,
    typer.Option("--on-demand", help="BypassLimits: checks that somebody waits for are let past the rate limit."),
]


@dataclass(frozen=True)
class Policy:
    """Whom a group serves and with what, as given; None is left as it is, what is empty is taken away."""

    excluded_oems: tuple[str, ...] | None = None
    allow_downgrade: bool | None = None
    version_prefix: str | None = None
    on_demand: OnDemand | None = None

    def changes(self, existing: Object | None) -> Changes:
        """The spec's fields. Raises CommandError if a part that is to go is another manager's."""
        changes: dict[str, object] = {}
        if self.excluded_oems is not None:
            changes["exclude"] = {"oems": list(self.excluded_oems)} if self.excluded_oems else None
        if self.on_demand is not None:
            changes["onDemand"] = self.on_demand.value
        if self.allow_downgrade is not None or self.version_prefix is not None:
            changes["versionPolicy"] = self._version_policy(existing or {}) or None
        return changes

    def _version_policy(self, existing: Object) -> Changes:
        # Of the policy's two parts each may be somebody else's: only ours are applied with the other one.
        policy = dict(ownership.owned_spec(existing).get("versionPolicy", {}))
        if self.allow_downgrade is not None:
            policy["allowDowngrade"] = self.allow_downgrade
        if self.version_prefix:
            policy["prefix"] = self.version_prefix
        elif self.version_prefix is not None:
            foreign = "prefix" in existing.get("spec", {}).get("versionPolicy", {}) and "prefix" not in policy
            if foreign:
                owners = ownership.other_owners(existing, "versionPolicy")
                raise CommandError(owned_elsewhere("spec.versionPolicy.prefix", owners))
            policy.pop("prefix", None)
        return policy


def oems(given: list[str] | None) -> tuple[str, ...] | None:
    """The OEMs of an option that may be given several times and hold several; None where it isn't given."""
    if not given:
        return None
    split = [oem.strip() for text in given for oem in text.split(",")]
    return tuple(dict.fromkeys(oem for oem in split if oem))
