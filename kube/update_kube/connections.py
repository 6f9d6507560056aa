"""The open connections to one API server under one identity: how they are made, and that none is left behind.

transport.py sends requests through them; a renewed client certificate gets a new set.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import urllib.parse
import weakref
from typing import Any

import aiohttp
from kubernetes.aio.client import configuration as official
from kubernetes.aio.client import rest

from update_kube import configuration, credentials

# How long `close` waits for the event loop to let go of sockets that are shut down already.
_CLOSING_SECONDS = 1.0


class Connections:
    """Connections, opened when first needed and reused. Make it and close it on the running event loop.

    Raises CredentialsError if the client certificate cannot be used.
    """

    def __init__(self, config: configuration.ClientConfig, identity: credentials.Identity) -> None:
        self._certificate = identity.certificate
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._rest = _rest_client(config)
        if self._certificate is not None:
            self._certificate.load_into(self._rest.ssl_context)
        self._connector = aiohttp.TCPConnector(ssl=self._rest.ssl_context, socket_factory=self._socket)
        self._rest.configuration.client_session_kwargs = {
            "connector": self._connector,
            # As kubectl: what is on this machine isn't reached through the environment's proxy.
            "trust_env": not _is_loopback(config.server),
        }

    def serve(self, identity: credentials.Identity) -> bool:
        """Whether requests as `identity` may use these: the client certificate is part of a connection."""
        return self._certificate == identity.certificate

    async def request(
        self, method: str, url: str, headers: dict[str, str], body: Any, limits: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        """Send one request; returns with the answer's head. Raises what aiohttp raises."""
        answer = await self._rest.request(method, url, headers=headers, body=body, _request_timeout=limits)
        response: aiohttp.ClientResponse = answer.response
        return response

    async def close(self) -> None:
        """Close everything, also what a cancelled request left in the middle of a TLS goodbye."""
        await self._rest.close()
        await self._connector.close()
        for left in list(self._sockets):
            # The peer may be gone: nobody waits for its half of the goodbye.
            with contextlib.suppress(OSError):
                left.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                while any(left.fileno() != -1 for left in self._sockets):  # noqa: ASYNC110 - nothing tells when a socket ends
                    await asyncio.sleep(0.001)

    def _socket(self, address: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol = address[:3]
        made = socket.socket(family, kind, protocol)
        self._sockets.add(made)
        return made


def _rest_client(config: configuration.ClientConfig) -> Any:
    settings: Any = official.Configuration(
        host=config.server,
        ca_cert_data=config.ca_data,
        verify_ssl=config.verify_tls,
        tls_server_name=config.tls_server_name,
        proxy=config.proxy,
    )
    # Python >= 3.13 demands certificate extensions that many clusters' CAs lack and kubectl never asked for.
    settings.disable_strict_ssl_verification = True
    make: Any = rest.RESTClientObject
    return make(settings)


def _is_loopback(server: str) -> bool:
    host = urllib.parse.urlsplit(server).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
