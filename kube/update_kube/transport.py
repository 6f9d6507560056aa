"""One HTTP exchange with the API server: send who we are, get an answer, or say in words why there is none.

Above connections.py, below session.py. No aiohttp exceptions come out of here: no answer is `Unreachable`, a refused
certificate is `UntrustedServer`. What an answer means isn't this module's business.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import urllib.parse
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp

from update_kube import configuration, connections, credentials, errors

CONNECT_TIMEOUT_SECONDS = 10.0


class Transport:
    """Connections to one API server, opened when first needed and reused."""

    def __init__(self, config: configuration.ClientConfig, *, user_agent: str) -> None:
        self._config = config
        self._user_agent = user_agent
        self._connections: connections.Connections | None = None

    async def close(self) -> None:
        """Close all connections; running streams end as Unreachable."""
        if self._connections is not None:
            current, self._connections = self._connections, None
            await current.close()

    @contextlib.asynccontextmanager
    async def exchange(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str],
        body: Any,
        content_type: str,
        within: float | None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request; the answer's head is there, its body may still be on its way.

        `within` (seconds, None for a stream) covers everything up to the end of the block. After a 401 it is sent
        once more if the credentials have something newer. Everything that aiohttp raises inside the block comes out
        as Unreachable.
        """
        url = (
            self._config.server
            + path
            + (f"?{urllib.parse.urlencode(query, quote_via=urllib.parse.quote)}" if query else "")
        )
        response: aiohttp.ClientResponse | None = None
        try:
            response = await self._send(method, url, body, content_type, within)
            if response.status == 401 and self._config.credentials.refused():
                response.release()
                response = await self._send(method, url, body, content_type, within)
            yield response
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._explained(error, within) from error
        finally:
            if response is not None:
                _finish(response)

    async def _send(
        self,
        method: str,
        url: str,
        body: Any,
        content_type: str,
        within: float | None,
    ) -> aiohttp.ClientResponse:
        identity = await self._config.credentials.identity()
        headers = {"Accept": "application/json", "Content-Type": content_type, "User-Agent": self._user_agent}
        if identity.authorization is not None:
            headers["Authorization"] = identity.authorization
        limits = aiohttp.ClientTimeout(total=within, sock_connect=CONNECT_TIMEOUT_SECONDS)
        usable = await self._usable(identity)
        return await usable.request(method, url, headers, body, limits)

    async def _usable(self, identity: credentials.Identity) -> connections.Connections:
        current = self._connections
        if current is not None and current.serve(identity):
            return current
        opened = self._connections = connections.Connections(self._config, identity)
        if current is not None:
            # A renewed client certificate: what still runs as the old one begins anew.
            await current.close()
        return opened

    def _explained(self, error: Exception, within: float | None) -> errors.KubeError:
        server = self._config.server
        if isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError):
            reason = getattr(getattr(error, "certificate_error", error), "verify_message", "") or str(error)
            return errors.UntrustedServer(
                f"the certificate of {server} is not trusted: {reason}. Give the CA that signed it "
                "(certificate-authority in the kubeconfig, or --certificate-authority), and make sure that the "
                "certificate is for this address"
            )
        if isinstance(error, aiohttp.ClientConnectorDNSError):
            return errors.Unreachable(f"cannot reach {server}: no such host")
        if isinstance(error, aiohttp.ClientSSLError):
            return errors.Unreachable(f"cannot reach {server}: it doesn't speak TLS as expected ({error})")
        if isinstance(error, aiohttp.ClientConnectorError):
            number = error.os_error.errno
            what = os.strerror(number).lower() if number else "it hung up before anything was said"
            return errors.Unreachable(f"cannot reach {server}: {what}")
        if isinstance(error, TimeoutError | asyncio.TimeoutError):
            limit = f"within {within:g} s" if within is not None else "in time"
            return errors.Unreachable(f"{server} did not answer {limit}")
        if isinstance(error, aiohttp.InvalidURL):
            return errors.Unreachable(f"{server} is not a usable address")
        return errors.Unreachable(f"the connection to {server} broke: {str(error) or type(error).__name__}")


def _finish(response: aiohttp.ClientResponse) -> None:
    """Give the connection back if the answer was read to its end; else abort it.

    A stream that is left in the middle can't be reused, and a polite TLS goodbye to a peer that may be gone would keep
    the socket for half a minute.
    """
    connection = response.connection
    if connection is not None and connection.transport is not None and not response.content.at_eof():
        connection.transport.abort()
        response.close()
    else:
        response.release()
