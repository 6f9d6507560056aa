"""How soon is the operator done with ten thousand Groups, and how soon does a promotion stand in a thousand?

On a real API server: ten Applications, each with a Channel that a thousand Groups follow. An operator that is started finds everything as
it left it: seconds from its start until it has looked at every object, and what it wrote. Then one Channel gets another version: seconds
from that request until every Group's status has it as its target.
"""

import asyncio
import contextlib
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import processes
import served
import servers
import spread

from update_kube import client, configuration, resources
from update_kube.client import Client, Object
from update_kube.resources import ResourceType

NAMESPACE = "default"
OLD, NEW = "1.0.0", "1.1.0"

_PAYLOAD = {"url": "update.tgz", "size": 1_000_000, "sha256": "a" * 64}
_KINDS = ("Application", "Channel", "Group", "Package")
_CREATED_TOGETHER = 16
_PATIENCE_SECONDS = 900
_POLL_SECONDS = 0.1
_QUIET_SECONDS = 3.0
"""For so long the operator has written nothing: it is done."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    groups: int
    promoted: int
    """Groups that follow each channel."""
    starts: int
    promotions: int


@dataclass(frozen=True, slots=True)
class _Spent:
    """What one start, or one promotion, has taken."""

    seconds: float
    cpu_seconds: float
    writes: float
    """Statuses; of a promotion also those that were written after its last Group's."""


def measure(folder: Path, extent: Extent, say: Callable[[str], None]) -> dict[str, Any]:
    """All of it, on one control plane."""
    say("operator: starting a control plane")
    with served.fleet(folder, folder / "fleet.db") as kubeconfig:
        return asyncio.run(_measure(kubeconfig, extent, say))


async def _measure(kubeconfig: Path, extent: Extent, say: Callable[[str], None]) -> dict[str, Any]:
    channels = extent.groups // extent.promoted
    async with await client.connect(configuration.load(kubeconfig)) as kube:
        say(f"operator: creating {extent.groups} Groups")
        await _create(kube, channels, extent.promoted)
        with _operator(kubeconfig) as first:
            await first.until(lambda: first.written() >= extent.groups, "every Group has a status")
            await first.until_quiet()
        say(f"operator: everything is written after {time.monotonic() - first.began:.0f} s; starting it again")
        cold = [await _cold(kubeconfig, extent.groups, say) for _ in range(extent.starts)]
        with _operator(kubeconfig) as operator:
            await operator.until(lambda: operator.has_looked_at(extent.groups), "everything has been looked at")
            promoted: list[_Spent] = []
            for number in range(min(extent.promotions, channels)):
                cpu, written = operator.cpu_seconds(), operator.written()
                took = await _promote(kube, number, extent.promoted)
                spent = operator.cpu_seconds() - cpu
                say(f"operator: promoted {extent.promoted} Groups in {took:.1f} s")
                await operator.until_quiet()
                promoted.append(_Spent(took, spent, operator.written() - written))
    return {
        "groups": extent.groups,
        "promoted_groups": extent.promoted,
        "cold_start_seconds": spread.quartiles([each.seconds for each in cold]),
        "cold_start_cpu_seconds": spread.quartiles([each.cpu_seconds for each in cold]),
        "cold_start_writes": int(max(each.writes for each in cold)),
        "promotion_seconds": spread.quartiles([each.seconds for each in promoted]),
        "promotion_cpu_seconds": spread.quartiles([each.cpu_seconds for each in promoted]),
        "promotion_writes": spread.quartiles([each.writes for each in promoted], 0),
    }


async def _create(kube: Client, channels: int, groups: int) -> None:
    """Applications of a Channel and Groups each; references may be there before what they name."""
    objects: list[tuple[ResourceType, Object]] = []
    for number in range(channels):
        application, labels = {"applicationRef": {"name": f"app-{number}"}}, {"channel": str(number)}
        objects.append((resources.APPLICATIONS, _named(f"app-{number}", {"appId": str(uuid.uuid4())})))
        objects += [
            (resources.PACKAGES, _named(f"app-{number}-{version}", {**application, "version": version, **_PAYLOAD}))
            for version in (OLD, NEW)
        ]
        following = {**application, "channelRef": {"name": _channel(number)}}
        objects += [
            (resources.GROUPS, _named(f"app-{number}-{track}", {**following, "track": f"{track}"}, labels))
            for track in range(groups)
        ]
        objects.append(
            (resources.CHANNELS, _named(_channel(number), {**application, "name": "stable", "version": OLD}))
        )
    remaining = iter(objects)

    async def create() -> None:
        for kind, obj in remaining:
            await kube.create(kind, {"apiVersion": kind.api_version, "kind": kind.kind, **obj}, NAMESPACE)

    await asyncio.gather(*(create() for _ in range(_CREATED_TOGETHER)))


async def _cold(kubeconfig: Path, groups: int, say: Callable[[str], None]) -> _Spent:
    with _operator(kubeconfig) as operator:
        await operator.until(lambda: operator.has_looked_at(groups), "everything has been looked at")
        took, spent = time.monotonic() - operator.began, operator.cpu_seconds()
        start = _Spent(took, spent, operator.written())
    say(f"operator: looked at everything after {start.seconds:.1f} s, {start.writes:.0f} writes")
    return start


async def _promote(kube: Client, number: int, groups: int) -> float:
    """Seconds from the request until the last status was seen to have the version."""
    selector = f"channel={number}"
    page = await kube.list_page(resources.GROUPS, NAMESPACE, limit=1, label_selector=selector)
    told: set[str] = set()
    async with kube.watch(
        resources.GROUPS,
        NAMESPACE,
        resource_version=page["metadata"]["resourceVersion"],
        timeout_seconds=_PATIENCE_SECONDS,
        label_selector=selector,
    ) as stream:
        began = time.monotonic()
        await kube.merge_patch(resources.CHANNELS, _channel(number), {"spec": {"version": NEW}}, NAMESPACE)
        while len(told) < groups:
            for event in await stream.next_events(within=_PATIENCE_SECONDS) or ():
                if event.object.get("status", {}).get("target", {}).get("version") == NEW:
                    told.add(event.object["metadata"]["name"])
        return time.monotonic() - began


def _channel(number: int) -> str:
    return f"app-{number}-stable"


def _named(name: str, spec: Object, labels: Object | None = None) -> Object:
    return {"metadata": {"name": name, "labels": labels or {}}, "spec": spec}


class _Operator:
    """One process of it."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self._process = process
        self._port = port
        self._numbers: dict[str, float] = {}
        self.began = time.monotonic()

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        return processes.cpu_seconds(self._process.pid)

    def written(self) -> float:
        """Statuses that it wrote, as of the last look."""
        return sum(self._numbers.get(f'update_operator_status_writes_total{{kind="{kind}"}}', 0.0) for kind in _KINDS)

    def has_looked_at(self, groups: int) -> bool:
        """Whether it was done with every Group, and knew the fleet's counts of each, as of the last look."""
        reconciled = self._numbers.get('update_operator_reconciles_total{kind="Group",result="ok"}', 0.0)
        known = self._numbers.get("update_operator_fleet_groups", 0.0)
        waiting = self._numbers.get("update_operator_queue_length", 1.0)
        answering = self._numbers.get("update_operator_fleet_answering", 0.0)
        return bool(answering) and not waiting and known >= groups and reconciled >= groups

    async def until(self, reached: Callable[[], bool], what: str) -> None:
        """Look at its metrics until that is so; ends the program if it never is."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            self._look()
            if reached():
                return
            if time.monotonic() > deadline or self._process.poll() is not None:
                sys.exit(f"it never came to pass that {what}; the operator tells: {self._numbers}")
            await asyncio.sleep(_POLL_SECONDS)

    async def until_quiet(self) -> None:
        """Nothing waits, and nothing has been written for a while."""
        written, since = self.written(), time.monotonic()

        def quiet() -> bool:
            nonlocal written, since
            if self.written() != written or self._numbers.get("update_operator_queue_length"):
                written, since = self.written(), time.monotonic()
            return time.monotonic() - since > _QUIET_SECONDS

        await self.until(quiet, "it rests")

    def _look(self) -> None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics") as told:
            lines = told.read().decode().splitlines()
            pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
            self._numbers = {name: float(value) for name, _, value in pairs}


@contextlib.contextmanager
def _operator(kubeconfig: Path) -> Iterator[_Operator]:
    """The operator, as it is shipped; ended, its Lease is free at once."""
    port = servers.free_port()
    command = [
        sys.executable, "-m", "update_operator", "run", "--kubeconfig", str(kubeconfig),
        "--metrics-listen", f"127.0.0.1:{port}",
    ]  # fmt: skip
    with servers.running(command) as process:
        yield _Operator(process, port)
