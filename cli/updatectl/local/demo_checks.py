"""What the demo looks at: the rollout as Kubernetes tells it, and the grants as the store's own rows tell them."""

import asyncio
import contextlib
import datetime
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from update_kube import client, configuration, resources

NAMESPACE = "default"


@dataclass(frozen=True)
class RolloutView:
    """How far the rollout is."""

    summary: str
    rolled_out: bool


def rollout(kubeconfig: Path) -> RolloutView:
    """The only Group's status in a line, and whether the only Channel is rolled out."""
    return asyncio.run(_rollout(kubeconfig))


async def _rollout(kubeconfig: Path) -> RolloutView:
    async with await client.connect(configuration.load(kubeconfig)) as kube:
        groups, _ = await kube.list_all(resources.GROUPS, NAMESPACE, retries=3)
        channels, _ = await kube.list_all(resources.CHANNELS, NAMESPACE, retries=3)
    status = groups[0].get("status", {})
    target = status.get("target", {}).get("version", "-")
    reason = _condition(status, "Progressing").get("reason", "-")
    counts = status.get("instances", {})
    summary = (
        f"target {target}  progress {status.get('progress', '-')}  in flight {counts.get('inProgress', 0)}  {reason}"
    )
    channel = channels[0]
    current = channel.get("status", {}).get("observedGeneration") == channel["metadata"]["generation"]
    return RolloutView(summary, current and _condition(channel["status"], "RolledOut").get("status") == "True")


def _condition(status: dict[str, Any], kind: str) -> dict[str, Any]:
    return next((c for c in status.get("conditions", []) if c["type"] == kind), {})


def grant_times(store: Path, app_id: str, track: str) -> list[datetime.datetime]:
    """When each grant of a track was given, from the store's rows."""
    with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
        rows = database.execute(
            "SELECT granted_at FROM grants WHERE app_id = ? AND track = ? ORDER BY number", (app_id, track)
        )
        return [datetime.datetime.fromtimestamp(at / 1_000_000, datetime.UTC) for (at,) in rows]


def most_within(times: Sequence[datetime.datetime], seconds: float) -> int:
    """The largest number of moments in any half-open interval of so many seconds."""
    ordered = sorted(times)
    period = datetime.timedelta(seconds=seconds)
    return max((sum(start <= at < start + period for at in ordered) for start in ordered), default=0)
