"""`make demo` is the first thing that a newcomer runs."""

import re
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


RATES = [pytest.param(0, id="hardly ever"), pytest.param(15, id="now and then", marks=pytest.mark.slow)]


@pytest.mark.parametrize("errorrate", RATES)
def test_the_guide_passes_with_clients_that_fail(errorrate):
    command = [sys.executable, "-m", "updatectl", "local", "demo", "--seed", "3", "--errorrate", str(errorrate)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=380)

    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-2000:]
    assert not errorrate or "failed to update" in ran.stdout  # the seed has failures, or this shows nothing
    for number in range(10):
        assert f"{{fake-client-{number:03d}}}: updated from 1.0.0 to 1.1.0" in ran.stdout
    assert re.search(r"\{fake-client-\d+\} would be offered ", ran.stdout), "it asks why one has to wait"
    assert len(re.findall(r"^\{fake-client-\d+\} +fake1 +1\.1\.0 +Complete ", ran.stdout, re.MULTILINE)) == 10
    assert re.search(r"rate check: \d+ grants in the store, at most [12] in any 5 s", ran.stdout)
