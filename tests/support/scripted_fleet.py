"""The Omaha service as the operator sees it: /progress, with counts that a test sets and increments as the real one sends them."""

from __future__ import annotations

import uuid
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from aiohttp import web

from update_core.fleet import progress
from update_core.fleet.progress import GroupProgress, ProgressReport, RolloutRecord


class ScriptedFleet:
    """Counts per (appId, track), served over HTTP on a free port while `running`."""

    def __init__(self) -> None:
        self.url = ""
        self.epoch = uuid.uuid4().hex
        self.revision = 1
        self.away = False
        self.requests = 0
        self._groups: dict[tuple[str, str], tuple[int, GroupProgress]] = {}

    def set(
        self, app_id: str, track: str, *, sequence: int = 0, version: str = "", salt: str = "salt", **counts: int
    ) -> None:
        """What the service has counted; with the highest rollout that it saw, if any."""
        record = RolloutRecord(sequence, version, salt, datetime(2026, 1, 1, tzinfo=UTC)) if sequence else None
        self.revision += 1
        self._groups[app_id, track] = (self.revision, GroupProgress(app_id, track, record, **counts))

    @asynccontextmanager
    async def running(self):
        """Serve until the end of the block."""
        app = web.Application()
        app.add_routes([web.get("/progress", self._progress)])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _progress(self, request: web.Request) -> web.Response:
        self.requests += 1
        if self.away:
            return web.Response(status=503, text="not ready: the catalog isn't loaded")
        full = request.query["epoch"] != self.epoch
        since = 0 if full else int(request.query["revision"])
        groups = tuple(group for revision, group in self._groups.values() if revision > since)
        return web.json_response(progress.to_wire(ProgressReport(self.epoch, self.revision, full, groups)))
