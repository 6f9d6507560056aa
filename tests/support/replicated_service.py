"""The whole service as it runs with several replicas: two Omaha services on one PostgreSQL, one operator, behind one address."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support import balancer, waiting
from support import control_plane as planes
from support.fleet_cluster import FleetCluster
from support.local_stack import FakeClients
from support.omaha_process import OmahaProcess, environment
from support.operator_cluster import OperatorCluster
from support.postgres_server import Server
from updatectl.local.control_plane.cluster import ControlPlane


class Replicated:
    """Two replicas, whose database a test may read, and the address at which either answers."""

    def __init__(
        self,
        access: planes.Access,
        replicas: tuple[OmahaProcess, OmahaProcess],
        omaha_url: str,
        server: Server,
        database: str,
    ) -> None:
        self.access = access
        self.replicas = replicas
        self.omaha_url = omaha_url
        self._server = server
        self._database = database

    def answered_by_both(self) -> bool:
        """Whether each replica has offered updates, going by its own metrics."""
        return all('answer="Offer"' in replica.private("/metrics")[1] for replica in self.replicas)

    def rows(self, statement: str) -> list[Any]:
        """What a query finds in the service's own tables."""
        return self._server.execute(statement, self._database)

    @contextlib.contextmanager
    def clients(self, app_id: str, track: str, version: str, *flags: str) -> Iterator[FakeClients]:
        """Fake clients in a process of their own."""
        command = [sys.executable, "-m", "updatectl", "fakeclients", "--omaha-url", self.omaha_url, *flags]
        process = subprocess.Popen(
            [*command, app_id, track, version],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        running = FakeClients(process)
        try:
            yield running
        finally:
            running.stop()


@contextlib.contextmanager
def running(plane: ControlPlane, server: Server, folder: Path) -> Iterator[Replicated]:
    """Everything, for the block; the second replica serves nothing but instances."""
    database = server.create()
    url = server.url(database)
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(server.drop, database)
        first = FleetCluster(planes.access_to(plane), _made(folder / "first"), ["--database", url])
        cleanup.callback(first.omaha.kill)
        asyncio.run(first.start())
        second = OmahaProcess(
            _made(folder / "second"), ["--kubeconfig", str(first.access.kubeconfig), "--database", url]
        )
        cleanup.callback(second.kill)
        second.start()
        operators = OperatorCluster(first.access, _made(folder / "operator"))
        cleanup.callback(operators.stop_all)
        asyncio.run(operators.prepare())
        operator = operators.start()
        waiting.until(operator.leads, "the operator leads")
        port = cleanup.enter_context(balancer.running([first.omaha.port, second.port]))
        yield Replicated(first.access, (first.omaha, second), f"http://127.0.0.1:{port}", server, database)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
