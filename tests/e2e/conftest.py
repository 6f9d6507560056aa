"""One local stack for the end-to-end tests of a module; each test has an application of its own."""

import contextlib

import pytest

from support.local_stack import LocalStack


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    running = LocalStack(tmp_path_factory.mktemp("stack"))
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(running.stop)
        running.start()
        yield running
