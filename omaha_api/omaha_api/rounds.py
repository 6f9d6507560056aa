"""What the service does again and again by itself. What the store can't do now is left to the next round."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from update_core.fleet.store import StoreUnavailable

logger = logging.getLogger(__name__)


async def go(once: Callable[[], Awaitable[object]], *, every_seconds: float, without_store: str) -> None:
    """Do it every so many seconds until cancelled, for the first time after that many.

    `without_store` says what waits while the store is away: once, however many rounds that lasts.
    """
    away = False
    while True:
        await asyncio.sleep(every_seconds)
        try:
            await once()
            away = False
        except StoreUnavailable as error:
            if not away:
                logger.warning("%s: %s", without_store, error)
            away = True
