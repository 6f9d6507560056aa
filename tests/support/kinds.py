"""The four kinds as values, in few words: what a test doesn't say is as in any healthy object."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from update_core.resources.application import Application
from update_core.resources.channel import Channel
from update_core.resources.group import Group
from update_core.resources.package import Package

BIRTH = datetime(2026, 1, 1, tzinfo=UTC)
NAMESPACE = "team"
APP_ID = "io.example.app"


def application(
    name: str = "app", *, app_id: str = APP_ID, ready: str | None = "Reconciled", **spec: Any
) -> Application:
    """An Application; `ready` is its Ready condition's reason, None where it was never reconciled."""
    ok = "True" if ready == "Reconciled" else "False"
    status = {"observedGeneration": 1, "conditions": conditions(("Ready", ok, ready))} if ready else {}
    return Application.parse(_object(name, {"appId": app_id, **spec}, status))


def package(
    version: str, *, name: str = "", app: str = "app", uid: str = "", digest: str = "a", arch: str = "", **metadata: Any
) -> Package:
    """A Package; named after its version and architecture."""
    spec = {"applicationRef": {"name": app}, "version": version, "url": "x.tgz", "size": 1, "sha256": digest * 64}
    called = name or f"p-{version}" + (f"-{arch}" if arch else "")
    its = uid or f"uid-{name}-{version}{arch}"
    return Package.parse(_object(called, spec | ({"arch": arch} if arch else {}), {}, uid=its, **metadata))


def channel(
    version: str = "1.0.0", *, name: str = "stable", app: str = "app", status: Any = None, **metadata: Any
) -> Channel:
    """A Channel; its channel name is stable."""
    spec = {"applicationRef": {"name": app}, "name": "stable", "version": version}
    return Channel.parse(_object(name, spec, _wire(status), **metadata))


def group(
    *,
    name: str = "prod",
    track: str = "prod",
    app: str = "app",
    channel: str = "stable",
    status: Any = None,
    metadata: Any = None,
    **spec: Any,
) -> Group:
    """A Group that follows the Channel stable."""
    references = {"applicationRef": {"name": app}, "channelRef": {"name": channel}}
    return Group.parse(_object(name, {**references, "track": track, **spec}, _wire(status), **(metadata or {})))


def conditions(*found: tuple[str, str, str | None]) -> list[dict[str, Any]]:
    """Conditions as (type, status, reason)."""
    since = BIRTH.isoformat()
    return [
        {"type": t, "status": s, "reason": r, "lastTransitionTime": since, "observedGeneration": 1} for t, s, r in found
    ]


def summary(found: Iterable[Any]) -> dict[str, str]:
    """Conditions as {type: "status reason"}."""
    return {condition.type: f"{condition.status} {condition.reason}" for condition in found}


def later(seconds: float) -> datetime:
    """A moment after BIRTH."""
    return BIRTH + timedelta(seconds=seconds)


def _wire(status: Any) -> Any:
    return {} if status is None else status if isinstance(status, dict) else status.to_wire()


def _object(name: str, spec: dict[str, Any], status: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    found = {
        "name": name,
        "namespace": NAMESPACE,
        "uid": f"uid-{name}",
        "resourceVersion": "1",
        "generation": 1,
        "creationTimestamp": BIRTH.isoformat(),
        **metadata,
    }
    return {"metadata": found, "spec": spec, "status": status}
