"""Which tests does one worker run after another, and which units of them are begun first?

A file stays in one worker, which makes what its tests share once. So does a whole folder whose tests share a control plane or a stack: each
worker that ran some of them would start one of its own, and keep it running to the end. The folders that take longest are begun first,
because what is begun last is what the other workers end up waiting for.
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

WHOLE_FOLDERS = (
    "tests/integration/operator/",
    "tests/e2e/",
    "tests/integration/fleet_api/",
    "tests/integration/conformance/",
)
"""Longest first. Their conftest.py has the session's fixture that they share."""
EARLY_FOLDERS = (*WHOLE_FOLDERS, "tests/integration/", "tests/unit/store/")


def unit_of(nodeid: str) -> str:
    """The folder or file whose tests stay together with this one."""
    path = nodeid.partition("::")[0]
    return next((folder for folder in WHOLE_FOLDERS if path.startswith(folder)), path)


def order_of(nodeid: str) -> int:
    """Tests with a lower number are begun earlier."""
    return next((place for place, folder in enumerate(EARLY_FOLDERS) if nodeid.startswith(folder)), len(EARLY_FOLDERS))


class Units(LoadScopeScheduling):
    """Gives out units in the order in which they were collected."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        # By number of tests would begin with thousands that take milliseconds.
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)
