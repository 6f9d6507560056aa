"""What can Omaha 3, the updater on Windows, be told at all?

It reads the same XML as the CoreOS line, and is stricter in places: a package that it can't take ends its reading of the whole answer.
"""

from update_core.omaha.manifests import Offer

UPDATER = "Omaha"
"""What it calls itself in ``<request updater>``."""

MAX_SIZE = 2**31 - 1
"""Bytes of a file: Omaha 3 reads a larger size for none."""


def inexpressible(offer: Offer) -> str | None:
    """Why Omaha 3 can't be offered this, None if it can."""
    if offer.floors:
        return "Omaha 3 takes several manifests for one"
    if not all(url.lower().startswith(("https://", "http://")) for url in offer.urls):
        return "Omaha 3 downloads from absolute http and https URLs only"
    for package in offer.manifest.packages:
        if package.sha256 is None:
            return "Omaha 3 takes no package without a SHA-256 digest"
        if package.size > MAX_SIZE:
            return "Omaha 3 can't count so many bytes"
    return None
