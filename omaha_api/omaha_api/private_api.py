"""The private port: is the service alive and ready, and what has it counted?

Nobody but whoever watches the service can reach it.
"""

import math
from collections.abc import Callable
from typing import Any

import fastapi
import prometheus_client
from prometheus_client import CollectorRegistry
from starlette.responses import JSONResponse, PlainTextResponse, Response

from omaha_api.catalog.catalog_source import CatalogSource, WatchState

Reasons = Callable[[], list[str]]
"""Why the service isn't ready; empty when it is."""


def create(*, reasons: Reasons, source: CatalogSource, registry: CollectorRegistry) -> fastapi.FastAPI:
    """The application of the private port."""
    app = fastapi.FastAPI(title="Omaha service, private port", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> Response:
        return PlainTextResponse("ok\n")

    @app.get("/readyz")
    async def readyz() -> Response:
        missing = reasons()
        watches = [_watch(watch) for watch in source.watches()]
        catalog = "live" if source.live else "snapshot" if source.loaded else "none"
        content = {"ready": not missing, "reasons": missing, "catalog": catalog, "watches": watches}
        return JSONResponse(content, status_code=503 if missing else 200)

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(prometheus_client.generate_latest(registry), media_type=prometheus_client.CONTENT_TYPE_LATEST)

    return app


def _watch(watch: WatchState) -> dict[str, Any]:
    return {
        "kind": watch.kind,
        "synced": watch.synced,
        "state": watch.state,
        "silenceSeconds": None if math.isinf(watch.silence_seconds) else round(watch.silence_seconds, 1),
        "lastError": watch.last_error,
    }
