"""What changes in the cluster, as kopf sees it? Its low-level events, handed over to our own loop.

kopf watches and does nothing else here: no finalizers, no annotations, no status. It cancels every task of its event loop when it ends,
so it has a thread and a loop to itself; events cross over through `call_soon_threadsafe`. When it ends by itself (a missing right, an
error in a watch) it is started again, later and later.
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

_STABLE_SECONDS = 30.0
_TROUBLE_AFTER = 2
_END_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class WatchTimes:
    """How kopf watches, in seconds. The API server sends a bookmark a minute, so more silence than that is a dead connection."""

    server_timeout_seconds: int = 270
    client_timeout_seconds: float = 300.0
    connect_timeout_seconds: float = 5.0
    inactivity_timeout_seconds: float = 70.0
    restart_seconds: float = 1.0
    max_restart_seconds: float = 30.0


class Watches:
    """Runs kopf in a thread. `on_restart` is called on our loop when it had to be started anew."""

    def __init__(
        self,
        config: ClientConfig,
        deliver: Deliver,
        *,
        on_restart: Callable[[], None],
        jitter: Callable[[], float],
        times: WatchTimes | None = None,
    ) -> None:
        self._config = config
        self._deliver = deliver
        self._on_restart = on_restart
        self._jitter = jitter
        self._times = times if times is not None else WatchTimes()
        self._stop: Callable[[], None] | None = None
        self._failures = 0
        self._error = ""
        self._started = 0.0

    @property
    def trouble(self) -> str:
        """What ended the watches again and again, empty while they have run for a while."""
        if self._failures < _TROUBLE_AFTER or asyncio.get_running_loop().time() - self._started > _STABLE_SECONDS:
            return ""
        return f"the watches end as soon as they begin: {self._error}"

    async def run(self) -> None:
        """Watch until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self._started = loop.time()
            error = await self._once()
            self._failures = 1 if loop.time() - self._started > _STABLE_SECONDS else self._failures + 1
            self._error = f"{type(error).__name__}: {error}" if error is not None else "they were told to"
            logger.error("the watches ended and begin again: %s", self._error)
            exponent = min(self._failures - 1, 10)
            delay = min(self._times.max_restart_seconds, self._times.restart_seconds * 2.0**exponent)
            await asyncio.sleep(delay * (0.5 + self._jitter() / 2))
            self._on_restart()

    def restart(self) -> None:
        """End the watches that run now; `run` begins new ones."""
        if self._stop is not None:
            self._stop()

    async def _once(self) -> BaseException | None:
        """One life of kopf: returns when it has ended, and what ended it if it wasn't us."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[BaseException | None] = loop.create_future()

        def report(error: BaseException | None) -> None:
            if not ended.done():
                ended.set_result(error)

        thread = _KopfThread(self._config, self._times, loop, self._deliver, report)
        self._stop = thread.stop
        thread.start()
        try:
            return await ended
        finally:
            self._stop = None
            thread.stop()
            # At the end of the process too: a thread that is torn off leaves half-closed connections and noise in the log.
            await asyncio.wait([ended], timeout=_END_SECONDS)


class _KopfThread(threading.Thread):
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
        await kopf.operator(
            registry=self._registry(),
            settings=_settings(self._times),
            clusterwide=True,
            standalone=True,
            stop_flag=self._stop_flag,
        )

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
    if identity.cert_file is not None:
        context.load_cert_chain(identity.cert_file, identity.key_file)

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
