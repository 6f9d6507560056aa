"""What changes in the cluster, as kopf sees it? Its low-level events, handed over to our own loop.

kopf watches and does nothing else here: no finalizers, no annotations, no status. It cancels every task of its event loop when it ends,
so it has a thread and a loop to itself; events cross over through `call_soon_threadsafe`.
"""

import asyncio
import logging
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import kopf

from update_core.resources.base import GROUP
from update_kube.configuration import ClientConfig
from update_operator import keys

logger = logging.getLogger(__name__)

Deliver = Callable[[str, dict[str, Any]], None]
"""Takes an event's type ("ADDED", "MODIFIED", "DELETED", "LISTED") and object, on our loop."""


@dataclass(frozen=True, slots=True)
class WatchTimes:
    """How kopf watches, in seconds. The API server sends a bookmark a minute, so more silence than that is a dead connection."""

    server_timeout_seconds: int = 270
    client_timeout_seconds: float = 300.0
    connect_timeout_seconds: float = 5.0
    inactivity_timeout_seconds: float = 70.0
    restart_seconds: float = 1.0
    max_restart_seconds: float = 30.0
    end_seconds: float = 8.0
    """How long kopf may take to end after it has begun to; it gives its own tasks five seconds."""


class KopfThread(threading.Thread):
    """A daemon: a kopf that doesn't end in time doesn't keep the process from ending."""

    def __init__(
        self,
        config: ClientConfig,
        times: WatchTimes,
        loop: asyncio.AbstractEventLoop,
        deliver: Deliver,
        report: Callable[[BaseException | None], None],
    ) -> None:
        super().__init__(name="kopf", daemon=True)
        self._config = config
        self._times = times
        self._ours = loop
        self._deliver = deliver
        self._report = report
        self._kopf_loop: asyncio.AbstractEventLoop | None = None
        self._stopping = threading.Event()
        self._stop_flag: asyncio.Event | None = None

    def stop(self) -> None:
        """Ask kopf to end; from any thread, any number of times."""
        self._stopping.set()
        loop, flag = self._kopf_loop, self._stop_flag
        if loop is not None and flag is not None and not loop.is_closed():
            self._across(loop, flag.set)

    def run(self) -> None:
        """One life of kopf. Its end is reported on the loop that it was made on, perhaps twice."""
        error: BaseException | None = None
        try:
            asyncio.run(self._main())
        except Exception as failure:  # noqa: BLE001 - whatever ended kopf is reported, and it begins again
            error = failure
        self._across(self._ours, self._report, error)

    async def _main(self) -> None:
        self._stop_flag = asyncio.Event()
        self._kopf_loop = asyncio.get_running_loop()
        if self._stopping.is_set():
            return
        before = asyncio.all_tasks()
        tasks = await kopf.spawn_tasks(
            registry=self._registry(),
            settings=_settings(self._times),
            clusterwide=True,
            standalone=True,
            stop_flag=self._stop_flag,
        )
        ending = asyncio.create_task(kopf.run_tasks(tasks, ignored=before))
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        # The first of them ends all. But kopf may wait for ever for the others: a watch whose session was closed in the midst of a retry
        # asks for new credentials, which nobody makes any more. A watch that is over and doesn't say so is a deaf operator, so its end
        # is reported now, and this thread stays behind with what is left.
        done, _ = await asyncio.wait([ending], timeout=self._times.end_seconds)
        if not done:
            failures = (task.exception() for task in tasks if task.done() and not task.cancelled())
            failure = next((failure for failure in failures if failure is not None), None)
            self._across(self._ours, self._report, failure or TimeoutError("kopf didn't come to its end"))
        await ending

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()

        async def login(**_: Any) -> kopf.AiohttpSession:
            return kopf.AiohttpSession(server=self._config.server, aiohttp_session=await _session(self._config))

        async def forward(*, event: kopf.RawEvent, **_: Any) -> None:
            # Nothing is decided here: the object goes over to our loop as it came.
            self._across(self._ours, self._deliver, event["type"] or "LISTED", event["object"])

        kopf.on.login(registry=registry)(login)
        for type_ in keys.TYPES.values():
            kopf.on.event(GROUP, type_.version, type_.plural, registry=registry)(forward)
        return registry

    def _across(self, loop: asyncio.AbstractEventLoop, call: Callable[..., None], *args: Any) -> None:
        try:
            loop.call_soon_threadsafe(call, *args)
        except RuntimeError:
            # The loop is closed: the process is ending.
            logger.debug("an event came after the end")


def _settings(times: WatchTimes) -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.watching.server_timeout = times.server_timeout_seconds
    settings.watching.client_timeout = times.client_timeout_seconds
    settings.watching.connect_timeout = times.connect_timeout_seconds
    settings.watching.inactivity_timeout = times.inactivity_timeout_seconds
    settings.watching.chunk_size = 500
    settings.networking.request_timeout = 30.0
    settings.networking.error_backoffs = [0.5, 1, 2]
    settings.networking.enforce_retry_after = True
    # kopf would kill the process with SIGKILL if its own end took too long; ours is not its business.
    settings.process.ultimate_exiting_timeout = None
    settings.queueing.exit_timeout = 0.5
    return settings


async def _session(config: ClientConfig) -> aiohttp.ClientSession:
    """A session whose every request carries the token of that moment; kopf asks for a new one after a 401."""
    identity = await config.credentials.identity()
    context = ssl.create_default_context(cadata=config.ca_data)
    # Python >= 3.13 demands certificate extensions that many clusters' CAs lack.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not config.verify_tls:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if identity.certificate is not None:
        identity.certificate.load_into(context)

    async def authorize(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        current = await config.credentials.identity()
        if current.authorization is not None:
            request.headers["Authorization"] = current.authorization
        response = await send(request)
        if response.status == 401:
            config.credentials.refused()
        return response

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=context),
        middlewares=(authorize,),
        headers={"User-Agent": "update-operator"},
        proxy=config.proxy,
    )
