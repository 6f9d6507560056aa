"""How is an answer sent that has no end? Piece by piece, until the client hangs up or stops reading."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

logger = logging.getLogger(__name__)

SEND_SECONDS = 60.0
"""A client that takes nothing for so long isn't waited for: it can go on from what it has when it is back."""


class StreamedResponse(Response):
    """Sends what a generator gives, and closes the generator whatever happens."""

    def __init__(self, chunks: AsyncGenerator[bytes], *, content_type: str, send_seconds: float = SEND_SECONDS) -> None:
        super().__init__(headers={"Content-Type": content_type, "Cache-Control": "no-cache, private"})
        del self.headers["Content-Length"]
        self._chunks = chunks
        self._send_seconds = send_seconds

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the end of the chunks or of the client."""
        sending = asyncio.create_task(self._send(send), name="send chunks")
        listening = asyncio.create_task(_hung_up(receive), name="hear the client hang up")
        try:
            await asyncio.wait([sending, listening], return_when=asyncio.FIRST_COMPLETED)
        finally:
            listening.cancel()
            sending.cancel()
            await asyncio.gather(sending, listening, return_exceptions=True)
        if not sending.cancelled() and (error := sending.exception()) is not None:
            raise error

    async def _send(self, send: Send) -> None:
        async with contextlib.aclosing(self._chunks) as chunks:
            try:
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                async for chunk in chunks:
                    if not await self._taken(send, chunk):
                        return
                await self._taken(send, b"", last=True)
            except OSError:
                logger.debug("a client is gone")

    async def _taken(self, send: Send, chunk: bytes, *, last: bool = False) -> bool:
        """Send a chunk; False where the client doesn't read."""
        try:
            async with asyncio.timeout(self._send_seconds):
                await send({"type": "http.response.body", "body": chunk, "more_body": not last})
        except TimeoutError:
            logger.info("a client has read nothing for %.0f s, and is left", self._send_seconds)
            return False
        return True


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
