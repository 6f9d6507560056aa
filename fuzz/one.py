"""Which bytes make one target raise? atheris looks for them, until libFuzzer's own flags say that it is enough.

`python fuzz/one.py TARGET [libFuzzer flags and folders]`; run.py is what people call.
"""

import logging
import sys

import atheris
import folders

PARTS = [
    "update_core.omaha",
    "update_core.rollout",
    "omaha_api.answers.asgi",
    "omaha_api.answers.bodies",
    "omaha_api.answers.checks",
    "omaha_api.instances.hearing",
    "omaha_api.http_protocols",
    "omaha_api.instances.machines",
    "omaha_api.answers.offers",
    "omaha_api.patience",
    "omaha_api.cup.signing",
    "omaha_api.cup.signing_answers",
    "omaha_api.answers.steady_checks",
]
"""What a request runs through: the search is guided by it, and slowed down."""

# Before they are imported: what runs of these is what guides the search.
with atheris.instrument_imports(include=PARTS):
    folders.import_tests()
    from support import fuzz_targets


def main() -> None:
    """Search."""
    name, *flags = sys.argv[1:]
    logging.disable()
    target = fuzz_targets.targets()[name]
    # libFuzzer merges in processes of its own, which it starts through the shell with what stands here.
    atheris.Setup([f"{sys.executable} {__file__} {name}", *flags], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
