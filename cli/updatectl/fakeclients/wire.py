"""How do requests reach the service? Plain HTTP over few shared connections; no answer is one exception with words for it."""

import contextlib
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

import aiohttp

from updatectl.fakeclients import messages

CONNECTIONS = 256
"""How many requests are on their way at once; more would need more file descriptors than a shell allows."""

TIMEOUT_SECONDS = 30.0
MAX_ANSWER_BYTES = 1 << 20

Post: TypeAlias = Callable[[str], Awaitable[bytes]]


class Unanswered(Exception):  # noqa: N818 - it says what happened
    """No usable answer came; `retry_after` is the seconds to wait that the service asked for."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@contextlib.asynccontextmanager
async def connect(omaha_url: str, ca_data: str | None = None) -> AsyncIterator[Post]:
    """A way to post a request and get the answer's body; raises Unanswered there."""
    url = update_url(omaha_url)
    trust = ssl.create_default_context(cadata=ca_data) if ca_data else True
    connector = aiohttp.TCPConnector(limit=CONNECTIONS, ssl=trust)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT_SECONDS, sock_read=TIMEOUT_SECONDS)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, headers={"User-Agent": "updatectl"}
    ) as session:

        async def post(request: str) -> bytes:
            try:
                return await _exchange(session, url, request)
            except aiohttp.ServerDisconnectedError:
                # A kept connection may have ended while it was idle: only the second time is it the service's fault.
                return await _exchange(session, url, request)

        yield _explained(post, url)


def update_url(omaha_url: str) -> str:
    """The address that requests go to, for the service's address with or without the path."""
    base = omaha_url.rstrip("/").removesuffix(messages.PATH.rstrip("/"))
    return base + messages.PATH


async def _exchange(session: aiohttp.ClientSession, url: str, request: str) -> bytes:
    async with session.post(url, data=request.encode(), headers={"Content-Type": "text/xml"}) as response:
        body = await response.content.read(MAX_ANSWER_BYTES)
        if response.status >= 400:
            reason = " ".join(body.decode(errors="replace").split())[:200]
            raise Unanswered(f"HTTP {response.status} {reason}".rstrip(), _seconds(response.headers.get("Retry-After")))
        # One read gives what has arrived; the rest follows.
        while len(body) < MAX_ANSWER_BYTES and (more := await response.content.read(MAX_ANSWER_BYTES - len(body))):
            body += more
        return body


def _explained(post: Post, url: str) -> Post:
    async def explained(request: str) -> bytes:
        try:
            return await post(request)
        except aiohttp.ClientConnectorCertificateError as error:
            raise Unanswered(f"{url}: its certificate is not trusted: {error.certificate_error}") from error
        except aiohttp.ClientConnectorError as error:
            raise Unanswered(f"cannot connect to {url}: {_reason(error.os_error)}") from error
        except (TimeoutError, aiohttp.ClientError) as error:
            raise Unanswered(f"{url} gave no answer: {str(error) or type(error).__name__}") from error

    return explained


def _reason(error: OSError) -> str:
    # asyncio words it as "Connect call failed ('127.0.0.1', 8080)"; of a name that can't be resolved the number is no errno.
    return os.strerror(error.errno) if error.errno is not None and error.errno > 0 else str(error)


def _seconds(header: str | None) -> float | None:
    return float(header) if header and header.isdecimal() else None
