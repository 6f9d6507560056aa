"""A plugin of pytest that takes one rule out of the project before anything is imported: in memory, whatever else runs in this checkout.

Nothing of the project may be imported here: a module that is there already isn't read again.
"""

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType

from hypothesis import Phase, settings

from support.removals import edits

VARIABLE = "REMOVED_RULE"


class Loader(SourceFileLoader):
    """Compiles the edited source, and keeps no bytecode of it."""

    def __init__(self, fullname: str, path: str, edit: edits.Edit) -> None:
        super().__init__(fullname, path)
        self._edit = edit

    def get_code(self, fullname: str) -> CodeType:
        """The module without the rule."""
        path = self.get_filename(fullname)
        source = self._edit.apply(self.get_data(path).decode())
        return compile(source, path, "exec", dont_inherit=True)


class Finder:
    """Finds the one module that is edited."""

    def __init__(self, module: str, edit: edits.Edit) -> None:
        self._module = module
        self._edit = edit

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As the import system asks for it."""
        found = PathFinder.find_spec(fullname, path, target) if fullname == self._module else None
        if found is not None and found.origin is not None:
            found.loader = Loader(fullname, found.origin, self._edit)
        return found


# One example that fails is enough, and the shortest one is of no interest; no run must differ from another.
settings.register_profile(
    "removals", database=None, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("removals")

if VARIABLE in os.environ:
    sys.meta_path.insert(0, Finder(*edits.understood(os.environ[VARIABLE])))
