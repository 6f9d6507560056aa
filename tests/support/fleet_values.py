"""Values that tests of decisions and of the fleet store begin with: one group, one rollout, instances that report themselves."""

from datetime import UTC, datetime
from typing import Any

from update_core import versions
from update_core.fleet.grants import Grant, GrantState, Timeouts
from update_core.fleet.store import Sighting
from update_core.rollout.model import Instance, Limits, Payload, ResolvedGroup, Stamp

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
APP_ID = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"
TRACK = "stable"
OLD, NEW = "1.0.0", "1.1.0"
TIMEOUTS = Timeouts(update_seconds=3600, reboot_seconds=7 * 86400)
PAYLOAD = Payload("https://packages.example.com/app/", "update.gz", 23, "b6" * 32)


def stamp(sequence: int = 1, *, version: str = NEW, **changes: Any) -> Stamp:
    """A rollout that began at NOW."""
    return Stamp(**{"sequence": sequence, "version": version, "salt": f"salt-{sequence}", "started_at": NOW} | changes)


def group(*, sequence: int = 1, version: str = NEW, limits: Limits | None = None, **changes: Any) -> ResolvedGroup:
    """A group that is being moved to `version` without limits."""
    values = {
        "namespace": "default",
        "name": "app-stable",
        "app_id": APP_ID,
        "track": TRACK,
        "paused": False,
        "limits": limits or Limits(),
        "timeouts": TIMEOUTS,
        "active_seconds": 86400,
        "wanted": versions.parse(version),
        "stamp": stamp(sequence, version=version),
        "payloads": (PAYLOAD,),
        "target_version": version,
    }
    return ResolvedGroup(**values | changes)


def asking(instance_id: str | None, version: str = OLD, **changes: Any) -> Instance:
    """An instance that asks for an update."""
    return Instance(instance_id, version, **changes)


def sighting(instance_id: str | None, version: str = OLD, **changes: Any) -> Sighting:
    """The same instance as the store records it."""
    values = {"app_id": APP_ID, "instance_id": instance_id or "", "track": TRACK, "version": version, "at": NOW}
    return Sighting(**values | changes)


def grant(state: GrantState = GrantState.GRANTED, **changes: Any) -> Grant:
    """Grant 1 of rollout 1, given at NOW."""
    values = {
        "app_id": APP_ID,
        "track": TRACK,
        "number": 1,
        "sequence": 1,
        "version": NEW,
        "instance_id": "one",
        "state": state,
        "granted_at": NOW,
        "moved_at": NOW,
        "deadline": NOW.replace(hour=13),
    }
    return Grant(**values | changes)
