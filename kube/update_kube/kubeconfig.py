"""What do the kubeconfig files say? Read and merged as kubectl does it, before anything is connected.

Only files and dictionaries: turning a user's section into credentials is credentials.py. Importing this is cheap, so a
command line can list contexts without loading the client.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from update_kube import errors

# Entries that name files, relative to the kubeconfig that they stand in.
_CLUSTER_PATHS = ("certificate-authority",)
_USER_PATHS = ("client-certificate", "client-key", "tokenFile")


@dataclasses.dataclass(frozen=True, slots=True)
class Context:
    """One context with what it refers to; the sections as they stand in the file, paths made absolute."""

    name: str
    namespace: str | None
    cluster: Mapping[str, Any]
    user: Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Kubeconfig:
    """Several files as one. Where two define the same name, the first one's counts, as with kubectl."""

    files: tuple[Path, ...]
    current_context: str | None
    contexts: Mapping[str, Mapping[str, Any]]
    clusters: Mapping[str, Mapping[str, Any]]
    users: Mapping[str, Mapping[str, Any]]

    def context(self, name: str | None = None) -> Context:
        """The named context, or the current one. Raises CredentialsError, naming the contexts that there are."""
        if name is None:
            name = self.current_context
        if name is None:
            raise errors.CredentialsError(f"{self._origin} sets no current-context; choose one of: {self._known}")
        if name not in self.contexts:
            raise errors.CredentialsError(f"no context {name!r} in {self._origin}; there are: {self._known}")
        context = self.contexts[name]
        cluster = self._referred(name, "cluster", str(context.get("cluster") or ""), self.clusters)
        user_name = str(context.get("user") or "")
        user = self._referred(name, "user", user_name, self.users) if user_name else {}
        return Context(name, context.get("namespace") or None, cluster, user)

    def _referred(
        self, context: str, noun: str, name: str, among: Mapping[str, Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        if name not in among:
            raise errors.CredentialsError(
                f"context {context!r} refers to the {noun} {name!r}, which {self._origin} doesn't define"
            )
        return among[name]

    @property
    def _origin(self) -> str:
        return "the kubeconfig " + os.pathsep.join(str(file) for file in self.files)

    @property
    def _known(self) -> str:
        return ", ".join(sorted(self.contexts)) or "none"


def paths(explicit: Path | None, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The files to read: the one given, else those of KUBECONFIG, else ~/.kube/config."""
    if explicit is not None:
        return (explicit,)
    listed = [Path(entry).expanduser() for entry in environ.get("KUBECONFIG", "").split(os.pathsep) if entry]
    if listed:
        return tuple(listed)
    home = environ.get("HOME")
    return ((Path(home) if home else Path.home()) / ".kube" / "config",)


def read(files: Sequence[Path]) -> Kubeconfig | None:
    """Those of the files that exist, merged; None if none does.

    Raises CredentialsError if one can't be read or isn't a kubeconfig.
    """
    current: str | None = None
    sections: dict[str, dict[str, Mapping[str, Any]]] = {"contexts": {}, "clusters": {}, "users": {}}
    found = []
    for file in files:
        document = _document(file)
        if document is None:
            continue
        found.append(file)
        current = current or document.get("current-context") or None
        base = file.absolute().parent
        for plural, entries in sections.items():
            for name, entry in _entries(file, document, plural).items():
                entries.setdefault(name, _absolute(entry, plural, base))
    if not found:
        return None
    return Kubeconfig(tuple(found), current, **sections)


def _document(file: Path) -> Mapping[str, Any] | None:
    try:
        document = yaml.safe_load(file.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise errors.CredentialsError(f"cannot read the kubeconfig {file}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise errors.CredentialsError(f"the kubeconfig {file} is not valid YAML: {error}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise errors.CredentialsError(f"{file} is not a kubeconfig: expected a mapping at its top")
    return document


def _entries(file: Path, document: Mapping[str, Any], plural: str) -> Mapping[str, Mapping[str, Any]]:
    singular = plural.removesuffix("s")
    entries: dict[str, Mapping[str, Any]] = {}
    for entry in document.get(plural) or ():
        section = (entry.get(singular) or {}) if isinstance(entry, dict) else None
        if not isinstance(section, dict) or not isinstance(entry.get("name"), str):
            raise errors.CredentialsError(f"{file}: every entry of {plural} needs a name and a {singular}")
        entries.setdefault(entry["name"], section)
    return entries


def _absolute(section: Mapping[str, Any], plural: str, base: Path) -> Mapping[str, Any]:
    result = dict(section)
    for key in {"clusters": _CLUSTER_PATHS, "users": _USER_PATHS}.get(plural, ()):
        if result.get(key):
            result[key] = str(base / str(result[key]))
    # kubectl: a command with a slash is a file beside the kubeconfig, without one it is looked up in PATH.
    plugin = result.get("exec")
    if plural == "users" and isinstance(plugin, dict) and "/" in str(plugin.get("command", "")):
        result["exec"] = {**plugin, "command": str(base / plugin["command"])}
    return result
