"""How is a rule taken out of a module's source? By an edit that names what it takes out, and that can be told to another process."""

import ast
import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Silenced:
    """A function, or `Class.method`, that gives one answer to everything."""

    function: str
    returns: str = "None"

    def apply(self, source: str) -> str:
        """The source with the function's body replaced.

        Raises:
            ValueError: there is no such function.
        """
        body = _function(ast.parse(source), self.function.split(".")).body
        lines = source.splitlines(keepends=True)
        indent = " " * body[0].col_offset
        lines[body[0].lineno - 1 : body[-1].end_lineno] = [f"{indent}return {self.returns}\n"]
        return "".join(lines)


@dataclass(frozen=True)
class Swapped:
    """A piece of text that stands once in the module, and what stands there instead."""

    old: str
    new: str

    def apply(self, source: str) -> str:
        """The source with the text swapped.

        Raises:
            ValueError: the text isn't there, or is there more than once.
        """
        if (found := source.count(self.old)) != 1:
            raise ValueError(f"{self.old!r} stands {found} times in the module, and not once")
        return source.replace(self.old, self.new)


Edit = Silenced | Swapped


@dataclass(frozen=True)
class Removal:
    """A rule, where it is kept, how it is taken out, and the tests of which at least one has to fail then.

    `tests` are what pytest is told: files, or files with the arguments that select some of their tests.
    """

    rule: str
    module: str
    edit: Edit
    tests: tuple[str, ...]

    def told(self) -> str:
        """What the process that runs the tests is told."""
        return json.dumps({"module": self.module, "edit": type(self.edit).__name__, "of": asdict(self.edit)})


def understood(told: str) -> tuple[str, Edit]:
    """The module and the edit of what was told."""
    content = json.loads(told)
    kinds: dict[str, type[Silenced | Swapped]] = {"Silenced": Silenced, "Swapped": Swapped}
    return content["module"], kinds[content["edit"]](**content["of"])


def _function(tree: ast.Module, path: list[str]) -> ast.FunctionDef:
    nodes: list[ast.stmt] = tree.body
    for depth, name in enumerate(path):
        kind = ast.FunctionDef if depth == len(path) - 1 else ast.ClassDef
        found = next((node for node in nodes if isinstance(node, kind) and node.name == name), None)
        if found is None:
            raise ValueError(f"there is no {'.'.join(path)} in the module")
        if isinstance(found, ast.FunctionDef):
            return found
        nodes = found.body
    raise ValueError("no function was named")
