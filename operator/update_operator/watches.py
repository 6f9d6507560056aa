"""Do the watches run? kopf is kept running: when it ends by itself (a missing right, an error in a watch) it is started again, later and
later, and whoever asks for readiness is told. What it is, and how it is embedded, is kopf_thread's affair.
"""

import asyncio
import logging
from collections.abc import Callable

from update_kube.configuration import ClientConfig
from update_operator import kopf_thread

logger = logging.getLogger(__name__)

_STABLE_SECONDS = 30.0
_TROUBLE_AFTER = 2
_END_SECONDS = 1.0


class Watches:
    """Runs kopf in a thread. `on_restart` is called on our loop when it had to be started anew."""

    def __init__(
        self,
        config: ClientConfig,
        deliver: kopf_thread.Deliver,
        *,
        on_restart: Callable[[], None],
        jitter: Callable[[], float],
        times: kopf_thread.WatchTimes | None = None,
    ) -> None:
        self._config = config
        self._deliver = deliver
        self._on_restart = on_restart
        self._jitter = jitter
        self._times = times if times is not None else kopf_thread.WatchTimes()
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

        thread = kopf_thread.KopfThread(self._config, self._times, loop, self._deliver, report)
        self._stop = thread.stop
        thread.start()
        try:
            return await ended
        finally:
            self._stop = None
            thread.stop()
            # At the end of the process too: a thread that is torn off leaves half-closed connections and noise in the log.
            await asyncio.wait([ended], timeout=_END_SECONDS)
