"""What the fuzzer tries at length is tried here in short: on inputs that it once found interesting, and on requests that are made up."""

import asyncio
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from support import attacks, fuzz_http, fuzz_targets, made_up_requests
from support.properties import examples

FUZZ = Path(__file__).parents[3] / "fuzz"
CORPUS = {f"{path.parent.name}/{path.name}": path for path in sorted((FUZZ / "corpus").glob("*/*"))}
TARGETS = fuzz_targets.targets()

few = settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("name", CORPUS)
def test_what_once_was_interesting_holds(name):
    TARGETS[CORPUS[name].parent.name](CORPUS[name].read_bytes())


@pytest.mark.parametrize("target", ["read", "scan", "serve"])
@pytest.mark.parametrize("name", attacks.ATTACKS)
def test_an_attack_breaks_nothing(name, target):
    TARGETS[target](attacks.ATTACKS[name][0])


def test_each_target_has_a_corpus_that_is_small_enough_for_every_run():
    assert {path.parent.name for path in CORPUS.values()} == set(TARGETS)
    assert len(CORPUS) <= 250
    assert sum(path.stat().st_size for path in CORPUS.values()) < 300_000


@pytest.mark.parametrize("target", ["read", "scan", "serve"])
@few
@given(body=made_up_requests.WELL_FORMED)
def test_a_request_that_is_made_up_breaks_nothing(target, body):
    TARGETS[target](body)


@pytest.mark.parametrize("target", ["read", "scan", "serve"])
@few
@given(body=made_up_requests.damaged())
def test_a_damaged_request_breaks_nothing(target, body):
    TARGETS[target](body)


@few
@given(body=made_up_requests.damaged())
def test_a_damaged_request_is_signed_or_refused(body):
    TARGETS["sign"](b"cup2key=7:nonce\n" + body)


# The targets themselves: what breaks is found.


async def _server_error(_scope, _receive, send):
    await send({"type": "http.response.start", "status": 500, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


async def _half_an_answer(_scope, _receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
    await send({"type": "http.response.body", "body": b"x", "more_body": True})


async def _no_end(_scope, _receive, _send):
    await asyncio.Event().wait()


@pytest.mark.parametrize("app", [_server_error, _half_an_answer, _no_end])
def test_an_application_that_breaks_off_is_found_on_the_wire(app):
    loop = asyncio.new_event_loop()
    wire = fuzz_http.Wire(loop, app)

    with pytest.raises(AssertionError):
        wire.speak(b"\x00GET / HTTP/1.1\r\nHost: a\r\n\r\n")

    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        pytest.param(500, b"it is well explained\n", id="a server error"),
        pytest.param(200, b"it is well explained\n", id="no refusal"),
        pytest.param(400, b"", id="no reason"),
        pytest.param(400, b"no\n", id="hardly a reason"),
        pytest.param(400, b"caf\xc3\xa9 " * 5 + b"\n", id="not plain"),
        pytest.param(400, b"x" * 500, id="long"),
    ],
)
def test_a_refusal_that_is_none_is_found(status, reason):
    with pytest.raises(fuzz_targets.Finding):
        fuzz_targets._assert_reason(status, reason)


def test_reasons_that_repeat_what_was_sent_are_found():
    known = set(fuzz_targets._reasons)
    try:
        with pytest.raises(fuzz_targets.Finding, match="made of what was sent"):
            any(fuzz_targets._assert_reason(400, b"there is no application %d\n" % number) for number in range(1000))
    finally:
        fuzz_targets._reasons.clear()
        fuzz_targets._reasons.update(known)


def test_an_input_can_be_replayed_without_the_fuzzer():
    path = CORPUS["sign/good"]

    ran = subprocess.run([sys.executable, FUZZ / "replay.py", path], capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stdout) == (0, f"{path}: sign: holds\n")


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris isn't installed: make fuzz does that")
def test_the_fuzzer_runs_and_says_what_it_did():
    command = [sys.executable, FUZZ / "run.py", "--seconds", "1", "--target", "read"]

    ran = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stdout
    assert ran.stdout.splitlines()[-1].startswith("read ")
    assert ran.stdout.endswith(" 0 findings\n")
