"""The whole service as real processes, for end-to-end tests: everything that `updatectl local up` starts, in a folder of the test run."""

import asyncio
import contextlib
import functools
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support import waiting
from update_kube import client, configuration, resources
from update_kube.resources import ResourceType
from updatectl.local.folders import PREFERRED_PORTS
from updatectl.local.stack import Stack

DEADLINE_SECONDS = 120.0
SHA256 = "b602d630f0a081840d0ca8fc4d35810e42806642b3127bb702d65c3df227d0f5"
LIVE = ("Granted", "Downloading", "Downloaded", "Installed", "OnHold")


wait_until = functools.partial(waiting.until, within=DEADLINE_SECONDS)
"""Wait for what a whole rollout may take."""


class FakeClients:
    """A running `updatectl fakeclients`, its lines as they come."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.lines.append(line.rstrip())

    def updated(self) -> set[str]:
        """The clients that said so."""
        return {line.partition(":")[0] for line in self.lines if ": updated from " in line}

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        code = self.process.wait(30)
        self._reader.join(30)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


class LocalStack(Stack):
    """A Stack with the commands that a person types."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, durable=False, preferred_ports=dict.fromkeys(PREFERRED_PORTS, 0))

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("UPDATECTL_")}
        return kept | {"KUBECONFIG": str(self.kubeconfig), "PYTHONUNBUFFERED": "1"}

    def updatectl(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "updatectl", *arguments]
        ran = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, timeout=120)
        assert ran.returncode == 0, f"updatectl {' '.join(arguments)}: {ran.stdout}{ran.stderr}"
        return ran.stdout

    def release(self, app_id: str, version: str) -> None:
        """Publish a package and promote it to the channel master."""
        flags = ("--path", f"{version}.gz", "--size", "23", "--sha256sum", SHA256)
        self.updatectl("new-package", app_id, version, *flags)
        self.updatectl("update-channel", app_id, "master", version)

    def application(self, app_id: str, *, limits: tuple[str, ...] = ()) -> None:
        """An application with the channel master at 1.0.0, and the group fake1 on it."""
        self.updatectl("update-app", app_id, app_id[:8], "for a test")
        self.updatectl("update-channel", app_id, "master", "1.0.0")
        self.updatectl("new-group", app_id, "master", "fake1", "Fake Clients")
        if limits:
            self.updatectl("update-group", *limits, app_id, "fake1")

    @contextlib.contextmanager
    def clients(self, app_id: str, *arguments: str) -> Iterator[FakeClients]:
        """Fake clients in a process of their own."""
        command = [sys.executable, "-m", "updatectl", "fakeclients", *arguments, app_id, "master", "1.0.0"]
        process = subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        running = FakeClients(process)
        try:
            yield running
        finally:
            running.stop()

    def resource(self, resource: ResourceType, app_id: str) -> dict[str, Any]:
        """The only Group or Channel of an application."""
        return asyncio.run(self._resource(resource, app_id))

    async def _resource(self, resource: ResourceType, app_id: str) -> dict[str, Any]:
        async with await client.connect(configuration.load(self.kubeconfig)) as kube:
            applications, _ = await kube.list_all(
                resources.APPLICATIONS, field_selector=f"spec.appId={app_id}", retries=5
            )
            selector = f"spec.applicationRef.name={applications[0]['metadata']['name']}"
            items, _ = await kube.list_all(resource, field_selector=selector, retries=5)
        (item,) = items
        return item

    def rolled_out(self, app_id: str) -> bool:
        channel = self.resource(resources.CHANNELS, app_id)
        status = channel.get("status", {})
        current = status.get("observedGeneration") == channel["metadata"]["generation"]
        return current and any(c["type"] == "RolledOut" and c["status"] == "True" for c in status.get("conditions", ()))

    def grants(self, app_id: str) -> list[dict[str, Any]]:
        """The store's own grant rows."""
        with contextlib.closing(sqlite3.connect(f"file:{self.folders.store}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            rows = database.execute("SELECT * FROM grants WHERE app_id = ? ORDER BY number", (app_id,))
            return [dict(row) for row in rows]
