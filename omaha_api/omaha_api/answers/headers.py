"""What goes before an answer's body? Headers that clients of several kinds read, each its own."""

Headers = tuple[tuple[bytes, bytes], ...]


def spared(seconds: int) -> Headers:
    """That the client is to leave the service alone for so long, whatever it is answered with.

    Omaha 3 and Chromium heed it over https only, Fuchsia always, update_engine not at all; none when a person asks for an update.
    """
    return ((b"x-retry-after", b"%d" % seconds),)


def come_again(seconds: int) -> Headers:
    """That the request wasn't served, and may be after so long: the CoreOS line knows HTTP's own word, others that of `spared`."""
    return ((b"retry-after", b"%d" % seconds), *spared(seconds))
