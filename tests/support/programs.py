"""Programs of the tests in other languages, built once into the cache from what lies below tests/e2e. Where they can't be, tests skip.

What a program is built from is its name in the cache: another source or another compiler makes another program.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from updatectl.local.control_plane import binaries, locking, toolchain

RUST = (1, 88)
"""The oldest that the crates can be built with."""

_Command = Sequence[str | Path]


def of_go(source: Path) -> Path:
    """The program of a Go module; ten minutes in a cold cache on a busy machine."""
    try:
        go = toolchain.find_or_install(print)
    except toolchain.ToolchainError:
        pytest.skip("there is no Go compiler, and none could be installed")
    build: _Command = [go, "build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-o", source.name, "."]
    return _built(source, [go, "version"], fetch=[go, "mod", "download"], build=build, made=source.name)


def of_rust(source: Path) -> Path:
    """The program of a Cargo package; a minute or two in a cold cache."""
    cargo = shutil.which("cargo")
    if cargo is None:
        pytest.skip("there is no Rust compiler")
    version = re.search(r"(\d+)\.(\d+)", _run([cargo, "--version"]).stdout)
    if version is None or (int(version[1]), int(version[2])) < RUST:
        pytest.skip(f"the Rust compiler is older than {RUST[0]}.{RUST[1]}")
    build: _Command = [cargo, "build", "--offline", "--target-dir", "target"]
    return _built(source, [cargo, "--version"], fetch=[cargo, "fetch"], build=build, made=f"target/debug/{source.name}")


def _built(source: Path, version: _Command, *, fetch: _Command, build: _Command, made: str) -> Path:
    files = {file.relative_to(source): file.read_bytes() for file in _files(source)}
    digest = hashlib.sha256(_run(version).stdout.encode())
    for name, content in files.items():
        digest.update(f"{name} {len(content)}\n".encode() + content)
    folder = binaries.default_cache_dir(os.environ).with_name("tests")
    program = folder / f"{source.name}-{digest.hexdigest()[:16]}"
    with locking.exclusive(folder / "lock", waiting_for="another build of a test's program", report=print):
        if not program.exists():
            with tempfile.TemporaryDirectory(prefix=".building-", dir=folder) as scratch:
                # Compilers leave things beside the sources.
                _copy(files, Path(scratch))
                fetched = _run(fetch, Path(scratch))
                if fetched.returncode != 0:
                    pytest.skip(f"what {source.name} needs can't be had: {fetched.stderr.strip()[-500:]}")
                ran = _run(build, Path(scratch))
                assert ran.returncode == 0, ran.stderr
                (Path(scratch) / made).rename(program)
    return program


def _files(source: Path) -> list[Path]:
    """What people wrote there: not what a compiler that they ran there left."""
    left = {"Cargo.lock", ".gitignore"}
    return [
        file
        for file in sorted(source.rglob("*"))
        if file.is_file() and file.name not in left and file.relative_to(source).parts[0] != "target"
    ]


def _copy(files: Mapping[Path, bytes], to: Path) -> None:
    for name, content in files.items():
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        (to / name).write_bytes(content)


def _run(command: _Command, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([str(word) for word in command], cwd=folder, capture_output=True, text=True, check=False)
