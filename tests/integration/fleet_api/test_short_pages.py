"""Pages that are short or empty although more comes: kubectl, and what stands on client-go's pager, go on until the end.

The service gives them where a selector leaves out nearly everything. Here it may look at three instances per page.
"""

import asyncio
import contextlib
import dataclasses
import subprocess

import pytest

from omaha_api import serving
from omaha_api.fleet_api import app
from omaha_api.fleet_api.api import Effort
from omaha_api.fleet_api.front.request_headers import User
from omaha_api.settings import Address
from support import control_plane as planes
from support import watched_fleet
from update_core.fleet.attributes import Attributes


class Somebody:
    """Takes every request for one that the front proxy let through."""

    def __init__(self, app):
        self._app = app

    async def __call__(self, scope, receive, send):
        scope.setdefault("state", {})["user"] = User("somebody")
        await self._app(scope, receive, send)


@contextlib.asynccontextmanager
async def served(application):
    """The URL of an application that is served without TLS."""
    with serving.listen(Address("127.0.0.1", 0), "--listen") as listened:
        server = serving.server(Somebody(application), shutdown_timeout_seconds=5)
        task = asyncio.create_task(server.serve(sockets=[listened]))
        try:
            yield f"http://127.0.0.1:{listened.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


@pytest.fixture
async def server(tmp_path, control_plane):
    """30 instances, of which the 11th and the 30th are of another make."""
    async with watched_fleet.opened(tmp_path / "fleet.db") as fleet:
        await fleet.place(watched_fleet.placement())
        for number in range(30):
            oem = "rare" if number in {10, 29} else "qemu"
            await fleet.see(f"machine-{number:02}", attributes=Attributes(oem=oem))
        slow = dataclasses.replace(fleet.api, effort=Effort(chunk=3, scan_seconds=0.0, whole_up_to=0))
        async with served(app.create(slow)) as url:
            yield url


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (["-l", "fleet.updateservice.dev/oem=rare"], 2),
        (["-l", "fleet.updateservice.dev/oem=rare", "--chunk-size=1"], 2),
        (["-l", "fleet.updateservice.dev/oem=nobody"], 0),
        (["-l", "fleet.updateservice.dev/oem=qemu", "--chunk-size=2"], 28),
        (["--field-selector=spec.instanceId!=machine-00"], 29),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
@pytest.mark.parametrize("output", ["wide", "name", "json"])
async def test_kubectl_follows_them_to_the_end(server, tmp_path, arguments, count, output):
    command = [
        str(planes.kubectl_program()), "--kubeconfig=/dev/null", f"--cache-dir={tmp_path}", f"--server={server}",
        "--namespace=team", "get", "instances", "-o", output, "--no-headers" if output == "wide" else "--ignore-not-found",
        *arguments,
    ]  # fmt: skip

    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    sign = '"instanceId":' if output == "json" else "machine-"
    assert len([line for line in done.stdout.splitlines() if sign in line]) == count, done.stdout
