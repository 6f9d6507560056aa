"""What can Chromium's updater be told at all?

It parses versions and URLs itself, and drops the whole application where one of them isn't as it expects. What it would
read differently than it is written counts as not sayable too: it would fetch something else.
"""

import ipaddress
import re
from urllib.parse import urlsplit

from update_core.omaha.manifests import Manifest, Package

MAX_SIZE = 2**53 - 1
"""Bytes of a file: Chromium reads numbers as doubles and takes a larger size for none."""

_MAX_VERSION_PART = 2**32 - 1
_VERSION = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)*")

# Browsers drop these from a URL, take a backslash for a slash and never send what follows "#".
_REREAD = re.compile(r"[\x00-\x20\x7f\\#]")
_HOST_NAME = re.compile(r"[A-Za-z0-9._-]*[A-Za-z0-9_-]\.?")
_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9A-Fa-f]*)\.?")
_SCHEME = re.compile("[A-Za-z][A-Za-z0-9+.-]*:")
_DOTS = re.compile(r"(?:\.|%2e){1,2}(?:[?].*)?", re.IGNORECASE | re.DOTALL)


def inexpressible(urls: tuple[str, ...], manifest: Manifest) -> str | None:
    """Why Chromium can't be offered `manifest` from `urls`, None if it can."""
    if not is_version(manifest.version):
        return "Chromium reads versions of dotted integers only"
    if not all(is_codebase(codebase) for codebase in urls):
        return "Chromium downloads from absolute http and https URLs only"
    for package in manifest.packages:
        if not is_name(package):
            return "Chromium would read the package's name as a part of another URL"
        if package.size > MAX_SIZE:
            return "Chromium can't count so many bytes"
    return None


def is_version(text: str) -> bool:
    """Whether `text` is a version to Chromium: dotted 32-bit integers, the first one without a leading zero."""
    return bool(_VERSION.fullmatch(text)) and all(
        len(part) <= 20 and int(part) <= _MAX_VERSION_PART for part in text.split(".")
    )


def is_codebase(url: str) -> bool:
    """Whether `url` is an absolute one of a folder on an HTTP server, in ASCII where the server's name stands."""
    if _REREAD.search(url) or "?" in url:
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    host = parts.netloc.rpartition("@")[2].removesuffix("" if port is None else f":{port}")
    return parts.scheme in {"http", "https"} and _is_host(host)


def _is_host(host: str) -> bool:
    bracketed = host.startswith("[") and host.endswith("]")
    # A browser takes whatever ends in a number for an IPv4 address, and refuses it if it is none.
    if not bracketed and not _NUMERIC.fullmatch(host):
        return bool(_HOST_NAME.fullmatch(host))
    try:
        ipaddress.IPv6Address(host[1:-1]) if bracketed else ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


def is_name(package: Package) -> bool:
    """Whether the package's name, resolved against its codebase, is the two written one after the other."""
    return not (_REREAD.search(package.name) or _SCHEME.match(package.name) or _DOTS.fullmatch(package.name))
