"""The reference documents the commands that there are, and they are as quick to answer as they should be."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from updatectl import __main__ as entry

REFERENCE = Path(__file__).parents[3] / "docs" / "updatectl.md"
ROOT = typer.main.get_command(entry.app)


def documented() -> list[list[str]]:
    """The command lines of the reference, as words after `updatectl`."""
    text = REFERENCE.read_text()
    blocks = [block.split("```")[0] for block in text.split("```sh\n")[1:]]
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line)[1:] for line in lines if line.strip()]


def leaves(command, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], object]:
    """Every command that does something, by the words that lead to it."""
    below = getattr(command, "commands", None)
    if below is None:
        return {path: command}
    return {words: leaf for name, sub in below.items() for words, leaf in leaves(sub, (*path, name)).items()}


COMMANDS = leaves(ROOT)


def path_of(words: list[str]) -> tuple[str, ...]:
    """The words of the command in a line that may begin with global options."""
    taking_values = {name for param in ROOT.params for name in param.opts if not getattr(param, "is_flag", False)}
    while words and words[0].startswith("-"):
        words = words[2:] if words[0] in taking_values else words[1:]
    return tuple(words[:2]) if tuple(words[:2]) in COMMANDS else tuple(words[:1])


@pytest.mark.parametrize("words", documented(), ids=" ".join)
def test_each_documented_command_exists_with_its_options(words):
    path = path_of(words)
    assert path in COMMANDS

    known = {opt for param in [*COMMANDS[path].params, *ROOT.params] for opt in param.opts}
    assert {word.partition("=")[0] for word in words if word.startswith("-")} <= known


def test_each_command_is_documented():
    assert set(COMMANDS) - {path_of(words) for words in documented()} == set()


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_each_command_has_a_help_with_an_example(path):
    command = COMMANDS[path]

    assert command.help
    assert "updatectl " + " ".join(path) in (command.epilog or "")


def test_help_loads_neither_the_kubernetes_client_nor_http():
    slow = ["kubernetes", "aiohttp", "pydantic", "yaml", "lxml", "rich", "cryptography", "asyncio"]
    program = (
        "import sys; from updatectl import __main__ as m\n"
        "try: m.app(['--help'])\nexcept SystemExit: pass\n"
        f"print([name for name in {slow} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stderr == "[]\n"
    assert "list-apps" in done.stdout
