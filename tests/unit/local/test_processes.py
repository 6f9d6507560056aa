"""Background processes are recognised by pid and start, outlive their starter, and end when told."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from support import waiting
from updatectl.local import processes


@pytest.fixture
def start(guarded_folder):
    def run(script: str, name: str = "daemon") -> processes.Process:
        process = processes.start(["/bin/sh", "-c", script], log=guarded_folder / "log")
        processes.record(process, guarded_folder / "processes" / f"{name}.json")
        return process

    return run


def test_a_daemon_runs_until_it_is_told_to_stop(start):
    process = start("exec sleep 600")
    assert processes.is_running(process)

    assert processes.stop(process)
    assert not processes.is_running(process)


def test_one_that_ends_by_itself_is_noticed(start):
    process = start("exit 3")

    assert processes.wait(process, timeout_seconds=20)


def test_one_that_ignores_sigterm_is_killed_with_its_children(start, guarded_folder):
    process = start(
        f"trap '' TERM; sleep 600 & echo $! > {guarded_folder}/child; touch {guarded_folder}/armed; wait; wait"
    )
    waiting.until((guarded_folder / "armed").exists)
    child = int((guarded_folder / "child").read_text())

    assert not processes.stop(process, grace_seconds=0.2)
    waiting.until(lambda: not is_alive(child))


def is_alive(pid: int) -> bool:
    shown = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip() not in {"", "Z"}


def test_a_process_whose_first_thread_alone_has_ended_still_runs(guarded_folder):
    """Killed servers with many threads look so for a moment, and still hold their ports."""
    script = (
        "import ctypes, threading, time; threading.Thread(target=time.sleep, args=(600,)).start();"
        "ctypes.CDLL(None).pthread_exit(None)"
    )
    process = processes.start([sys.executable, "-c", script], log=guarded_folder / "log")
    processes.record(process, guarded_folder / "processes" / "daemon.json")
    waiting.until(lambda: Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z")

    assert processes.is_running(process)
    assert processes.stop(process)
    assert not processes.is_running(process)


def test_a_pid_that_was_given_to_another_process_is_left_alone(start):
    process = start("exec sleep 600")
    earlier = replace(process, started="0@an-earlier-boot")

    assert not processes.is_running(earlier)
    assert not processes.send(earlier, signal.SIGKILL)
    assert processes.stop(earlier)
    assert processes.is_running(process)


def test_a_record_is_read_by_another_process(start, guarded_folder):
    process = start("exec sleep 600")

    assert processes.recorded(guarded_folder / "processes" / "daemon.json") == process


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(None, id="missing"),
        pytest.param("", id="empty"),
        pytest.param("[]", id="a-list"),
        pytest.param('{"pid": "x", "started": ""}', id="no-number"),
        pytest.param('{"pid": 1}', id="half"),
    ],
)
def test_a_record_that_is_no_record_means_nothing_was_started(tmp_path, content):
    path = tmp_path / "daemon.json"
    if content is not None:
        path.write_text(content)

    assert processes.recorded(path) is None


def test_a_daemon_outlives_the_process_that_started_it(guarded_folder):
    record = guarded_folder / "processes" / "daemon.json"
    script = (
        "import sys, pathlib; from updatectl.local import processes;"
        "p = processes.start(['/bin/sleep', '600'], log=pathlib.Path(sys.argv[1]) / 'log');"
        "processes.record(p, pathlib.Path(sys.argv[2]))"
    )
    subprocess.run([sys.executable, "-c", script, guarded_folder, record], check=True)
    process = processes.recorded(record)

    assert processes.is_running(process)
    assert os.getsid(process.pid) == process.pid


def test_output_is_appended_to_the_log_and_a_long_log_is_put_aside(start, guarded_folder):
    log = guarded_folder / "log"
    for word in ("first", "second"):
        processes.wait(start(f"echo {word}; echo to-stderr >&2"), timeout_seconds=20)
    assert processes.tail(log) == "first\nto-stderr\nsecond\nto-stderr"

    os.truncate(log, processes.LOG_KEEP_BYTES + 1)
    processes.wait(start("echo third"), timeout_seconds=20)
    assert log.read_text() == "third\n"


def test_the_tail_begins_where_it_is_asked_to(tmp_path):
    log = tmp_path / "log"
    log.write_text("old\n" + "".join(f"line {number}\n" for number in range(100)))

    assert processes.tail(log, lines=2) == "line 98\nline 99"
    assert "old" not in processes.tail(log, lines=1000, since_byte=4)
    assert processes.tail(tmp_path / "missing") == ""


def test_a_program_that_cannot_be_started_is_an_error_at_once(tmp_path):
    with pytest.raises(FileNotFoundError):
        processes.start([tmp_path / "missing"], log=tmp_path / "log")


def test_signals_that_python_ignores_are_not_ignored_by_daemons(start, guarded_folder):
    process = start("exec sleep 600")
    waiting.until(lambda: "sleep" in Path(f"/proc/{process.pid}/comm").read_text())
    status = Path(f"/proc/{process.pid}/status").read_text()
    ignored = int(status.split("SigIgn:")[1].split()[0], 16)

    assert not ignored & (1 << (signal.SIGPIPE - 1))


def test_systems_without_proc_tell_processes_apart_by_ps(start):
    process = start("exec sleep 600")

    first = processes._identity_from_ps(process.pid)
    assert first
    assert processes._identity_from_ps(process.pid) == first
    processes.stop(process)
    assert processes._identity_from_ps(process.pid) is None


def test_a_run_that_was_killed_leaves_no_processes_behind(tmp_path):
    """The guard of support/lifeline.py, which every fixture that starts processes relies on."""
    run = tmp_path / "run"
    (run / "some-test" / "processes").mkdir(parents=True)
    record = run / "some-test" / "processes" / "daemon.json"
    script = (
        "import os, sys, pathlib, signal; from support import lifeline; from updatectl.local import processes;"
        "run = pathlib.Path(sys.argv[1]); held = lifeline.Lifeline(run); lifeline.start_guard(run);"
        "p = processes.start(['/bin/sleep', '600'], log=run / 'log'); processes.record(p, pathlib.Path(sys.argv[2]));"
        "print(record := pathlib.Path(sys.argv[2]).read_text(), flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    killed = subprocess.run(
        [sys.executable, "-c", script, run, record], capture_output=True, text=True, env=environment, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    process = processes.Process(**json.loads(killed.stdout))

    waiting.until(lambda: not processes.is_running(process))
    waiting.until(lambda: not run.exists())
