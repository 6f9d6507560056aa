"""JSON in, JSON out: one request to the API server, its failures as exceptions, repeated if the caller wants it.

Between client.py, which knows the verbs of the Kubernetes API, and transport.py, which knows connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp

from update_kube import backoff, configuration, errors, transport, watching

JSON = "application/json"
APPLY = "application/apply-patch+yaml"
MERGE_PATCH = "application/merge-patch+json"

_PAUSES = backoff.Backoff(base=0.2, cap=5.0)


class Session:
    """Requests to one API server, each within `timeout` seconds unless it says otherwise."""

    def __init__(self, config: configuration.ClientConfig, *, user_agent: str, timeout: float) -> None:
        self._server = config.server
        self._transport = transport.Transport(config, user_agent=user_agent)
        self._timeout = timeout

    async def close(self) -> None:
        """Close all connections. Streams still running end as Unreachable."""
        await self._transport.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str],
        body: Any,
        content_type: str,
        within: float | None,
        retries: int,
    ) -> dict[str, Any]:
        """One request, sent again up to `retries` times on Unreachable, 429 and 5xx; only GET may be."""
        if retries and method != "GET":
            raise ValueError(f"{method} is not repeated: whether it happened isn't known")
        failures = 0
        while True:
            try:
                return await self._request_once(method, path, query, body, content_type, within or self._timeout)
            except (errors.TooManyRequests, errors.ServerError, errors.Unreachable) as error:
                failures += 1
                if failures > retries or isinstance(error, errors.UntrustedServer):
                    raise
                await asyncio.sleep(_PAUSES.pause(failures, getattr(error, "retry_after", None)))

    async def _request_once(
        self, method: str, path: str, query: Mapping[str, str], body: Any, content_type: str, within: float
    ) -> dict[str, Any]:
        async with self._transport.exchange(
            method, path, query=query, body=body, content_type=content_type, within=within
        ) as response:
            if response.status >= 400:
                raise await _failure(response)
            content = await response.read()
        try:
            answer = json.loads(content)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            # A captive portal or a wrong port answers 200 with a page.
            raise errors.Unreachable(f"{self._server} does not answer like a Kubernetes API server")
        return answer

    @contextlib.asynccontextmanager
    async def stream(self, path: str, query: Mapping[str, str]) -> AsyncIterator[watching.Stream]:
        """A watch. It has no total time-out, but its head must come as fast as any answer."""
        async with contextlib.AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(self._timeout):
                    exchange = self._transport.exchange(
                        "GET", path, query=query, body=None, content_type=JSON, within=None
                    )
                    response = await stack.enter_async_context(exchange)
                    if response.status != 200:
                        raise await _failure(response)
            except TimeoutError as error:
                raise errors.Unreachable(f"{self._server} did not answer within {self._timeout:g} s") from error
            yield watching.Stream(response.content.readany)


async def _failure(response: aiohttp.ClientResponse) -> errors.StatusError:
    return errors.from_status(response.status, await response.read(), response.headers.get("Retry-After"))
