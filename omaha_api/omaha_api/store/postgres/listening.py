"""What do other replicas commit? The server says so at once; it is asked each second too, because a message can be missed."""

import asyncio
import logging
from collections.abc import Callable

import psycopg

from omaha_api.store.postgres import connections
from omaha_api.store.postgres.database import CHANNEL

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
_RETRY_SECONDS = 1.0

_LATEST = f"SELECT revision FROM {connections.SCHEMA}.store".encode()  # noqa: S608 - the schema is a constant


async def listen(given: connections.Parameters, committed: Callable[[int], None], poll_seconds: float) -> None:
    """Tell `committed` the log's newest revision whenever there may be another; for ever, and again after each loss of the server."""
    lost = False
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(**given, autocommit=True) as connection:
                await connection.execute(f"LISTEN {CHANNEL}".encode())
                if lost:
                    logger.info("commits of other replicas are heard again")
                lost = False
                await _follow(connection, committed, poll_seconds)
        except (psycopg.Error, OSError) as error:
            if not lost:
                logger.warning("commits of other replicas aren't heard: %s", " ".join(str(error).split()))
            lost = True
        await asyncio.sleep(_RETRY_SECONDS)


async def _follow(
    connection: psycopg.AsyncConnection[tuple[object, ...]], committed: Callable[[int], None], poll_seconds: float
) -> None:
    while True:
        cursor = await connection.execute(_LATEST)
        ((revision,),) = await cursor.fetchall()
        committed(int(str(revision)))
        async for notice in connection.notifies(timeout=poll_seconds):
            committed(int(notice.payload))
