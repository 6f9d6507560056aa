"""Is this process alive, is it ready, and how does it do? /healthz, /readyz and /metrics over HTTP."""

from collections.abc import Callable
from typing import Self

from aiohttp import web

from update_operator.metrics import Metrics


class HealthServer:
    """Answers probes. `alive` and `ready` return what is wrong, empty where nothing is."""

    def __init__(
        self, host: str, port: int, *, alive: Callable[[], str], ready: Callable[[], str], metrics: Metrics
    ) -> None:
        self._host = host
        self._port = port
        self._alive = alive
        self._ready = ready
        self._metrics = metrics
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            OSError: the address can't be had.
        """
        app = web.Application()
        app.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._exposition),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        return _probe(self._alive())

    async def _readyz(self, _: web.Request) -> web.Response:
        return _probe(self._ready())

    async def _exposition(self, _: web.Request) -> web.Response:
        body, content_type = self._metrics.exposition()
        return web.Response(body=body, headers={"Content-Type": content_type})


def _probe(trouble: str) -> web.Response:
    return web.Response(text=f"{trouble or 'ok'}\n", status=503 if trouble else 200)
