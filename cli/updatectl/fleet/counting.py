"""How far is something that takes long? A number on standard error that counts up, on a terminal only."""

import contextlib
import sys
from collections.abc import Callable, Iterator

_SHORT = 500


@contextlib.contextmanager
def progress(what: str, *, wanted: bool = True) -> Iterator[Callable[[int], None]]:
    """Gives a function to call with how many more there are; what it wrote is gone afterwards."""
    shows = wanted and sys.stderr.isatty()
    total = 0

    def count(more: int) -> None:
        nonlocal total
        total += more
        if shows and total > _SHORT:
            sys.stderr.write(f"\r{total:,} {what} ")
            sys.stderr.flush()

    try:
        yield count
    finally:
        if shows and total > _SHORT:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
