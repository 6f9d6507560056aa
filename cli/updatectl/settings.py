"""What was said before and after the command: the global options, and the options that every reading or writing command has."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """The global options as given on the command line or in the environment; None where not given."""

    user: str | None = None
    key: str | None = None
    server: str | None = None
    certificate_authority: Path | None = None
    kubeconfig: Path | None = None
    context: str | None = None
    namespace: str | None = None


class Format(StrEnum):
    """Forms of output."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


class DryRun(StrEnum):
    """Whether a write is stored."""

    NONE = "none"
    SERVER = "server"
