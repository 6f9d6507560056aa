"""How many examples does a property try, and are they the same in each run?

`make test` tries the same ones each time: what it says of a change doesn't hang on a draw. `make test-properties` searches on, with
other examples in each run and as many times more of them as TIMES says; what it finds becomes an `@example`.
"""

import os

from hypothesis import settings

TIMES = int(os.environ.get("PROPERTY_TIMES") or 0)
"""0: those of `make test`."""


def examples(number: int) -> int:
    """So many in `make test`, and in a search that many times more."""
    return number * max(TIMES, 1)


def load() -> None:
    """Let it hold for all properties: before any test module is imported."""
    settings.register_profile("repeatable", derandomize=True)
    settings.register_profile("searching", max_examples=examples(100), print_blob=True)
    # A run that takes a rule out has settings of its own.
    if settings.get_current_profile_name() != "removals":
        settings.load_profile("searching" if TIMES else "repeatable")
