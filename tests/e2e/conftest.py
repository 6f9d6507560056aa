"""One local stack for all end-to-end tests; each test has an application of its own, and leaves everything running as it was."""

import contextlib

import pytest

from support.local_stack import LocalStack


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    running = LocalStack(tmp_path_factory.mktemp("stack"))
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(running.stop)
        running.start()
        yield running
