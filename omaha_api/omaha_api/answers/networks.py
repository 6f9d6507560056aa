"""From which network did a request come? What an attacker has many addresses of counts once: an IPv4 address, or 64 bits of an IPv6 one.

The connection says it, unless it is that of a proxy that the settings trust. Then the proxies have said it, each appending whom it heard to
X-Forwarded-For: the last one there that isn't a trusted proxy itself. What stands before it the client may have made up.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from omaha_api.settings import Proxies

_HEADER = b"x-forwarded-for"
_IPV6_PREFIX = 64

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Networks:
    """Tells networks, behind these proxies or without."""

    def __init__(self, trusted: Proxies = ()) -> None:
        self._trusted = trusted

    def of(self, scope: Mapping[str, Any]) -> str:
        """The network of a request, as it is written; empty where the connection has no address."""
        client = scope.get("client")
        address = _parsed(client[0]) if client else None
        if address is None:
            return ""
        if self._trusted and self._trusts(address):
            address = self._forwarded(address, scope["headers"])
        if address.version == 4:
            return str(address)
        return str(ipaddress.IPv6Network((int(address), _IPV6_PREFIX), strict=False))

    def _forwarded(self, proxy: _Address, headers: Iterable[tuple[bytes, bytes]]) -> _Address:
        """The last address that isn't a trusted proxy's; where what a proxy wrote can't be read, that proxy itself."""
        told = b",".join(value for name, value in headers if name.lower() == _HEADER)
        nearest = proxy
        for hop in reversed(told.decode("latin-1").split(",")):
            address = _parsed(hop.strip())
            if address is None:
                return nearest
            nearest = address
            if not self._trusts(address):
                return address
        return nearest

    def _trusts(self, address: _Address) -> bool:
        return any(address in network for network in self._trusted)


def _parsed(text: str) -> _Address | None:
    """The address, also with a port behind it; an IPv4 one that is written as IPv6 is IPv4."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
