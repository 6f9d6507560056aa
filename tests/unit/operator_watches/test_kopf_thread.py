"""A kopf that doesn't come to its end must not make a deaf operator: its end is reported all the same."""

import asyncio
import contextlib
import threading

from update_kube import configuration
from update_operator import kopf_thread


class StubbornCredentials:
    """Gives no identity and takes no cancellation for an answer until it is released: as a watch that waits for a login nobody makes."""

    def __init__(self):
        self.asked = threading.Event()
        self.released = threading.Event()

    async def identity(self):
        self.asked.set()
        while not self.released.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)
        raise asyncio.CancelledError

    def refused(self):
        return False


async def test_the_end_is_reported_though_kopf_never_ends():
    credentials = StubbornCredentials()
    config = configuration.ClientConfig(server="https://127.0.0.1:1", credentials=credentials)
    reports = asyncio.Queue()
    times = kopf_thread.WatchTimes(end_seconds=0.2)
    loop = asyncio.get_running_loop()
    thread = kopf_thread.KopfThread(config, times, loop, lambda _type, _obj: None, reports.put_nowait)
    thread.start()
    try:
        await asyncio.to_thread(credentials.asked.wait, 20)
        thread.stop()

        assert isinstance(await asyncio.wait_for(reports.get(), 20), TimeoutError)
        assert thread.is_alive()
    finally:
        credentials.released.set()
        await asyncio.to_thread(thread.join, 20)
