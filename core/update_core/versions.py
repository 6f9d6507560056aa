"""Which of two versions is newer?

Fleets mix two notations: semantic versions (Flatcar's ``3340.0.0+nightly``) and one to four dotted integers (Chromium's
``120.0.6099.5``). A text that is both means the same in both, so all versions stand in one total order.
"""

import functools
import re
from dataclasses import dataclass, field
from typing import TypeAlias

MAX_LENGTH = 128
"""Longest version text in characters; Kubernetes labels and file names of payloads end long before."""

_MAX_DOTTED_PART = 2**32 - 1

_NUMBER = "(?:0|[1-9][0-9]*)"
_IDENTIFIER = f"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_SEMANTIC = re.compile(
    rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})"
    rf"(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
_DOTTED = re.compile(r"[0-9]+(?:\.[0-9]+){0,3}")

# A number ranks below a word, and among their own kind they compare as numbers and as ASCII text (semver 2, point 11).
_Identifier: TypeAlias = tuple[int, int, str]


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A version to compare; equal if neither is newer, in any notation: ``1.2`` == ``1.2.0.0`` == ``1.2.0+build``."""

    numbers: tuple[int, int, int, int]
    is_release: bool
    prerelease: tuple[_Identifier, ...]
    text: str = field(compare=False)

    def __str__(self) -> str:
        return self.text


@functools.lru_cache(maxsize=4096)
def parse(text: str) -> Version:
    """The version that `text` writes: a semantic version 2, else 1 to 4 dotted unsigned 32-bit integers.

    Raises ValueError for anything else and for more than `MAX_LENGTH` characters.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"a version has at most {MAX_LENGTH} characters, not {len(text)}")
    if semantic := _SEMANTIC.fullmatch(text):
        major, minor, patch, prerelease = semantic.groups()
        return Version((int(major), int(minor), int(patch), 0), prerelease is None, _identifiers(prerelease), text)
    if not _DOTTED.fullmatch(text):
        raise ValueError(f"{text!r} is neither a semantic version nor one to four dotted integers")
    parts = [int(part) for part in text.split(".")]
    if max(parts) > _MAX_DOTTED_PART:
        raise ValueError(f"{text!r} has a part above {_MAX_DOTTED_PART}")
    major_, minor_, build, patch_ = (*parts, 0, 0, 0)[:4]
    return Version((major_, minor_, build, patch_), is_release=True, prerelease=(), text=text)


def parse_or_none(text: str) -> Version | None:
    """The version that `text` writes, or None where it writes none; for what instances report."""
    try:
        return parse(text)
    except ValueError:
        return None


def has_prefix(text: str, prefix: str) -> bool:
    """Whether a version begins with `prefix`, part by part: ``1.2.3`` is one of 1.2.3.4 and not of 1.2.34.

    A trailing "$" wants that very version (Omaha 3). A prefix that is no version is none of any.
    """
    if prefix.endswith("$"):
        return same(text, prefix[:-1])
    version, wanted = parse_or_none(text), parse_or_none(prefix.removesuffix("."))
    if version is None or wanted is None:
        return False
    if not wanted.is_release:
        return version == wanted
    parts = prefix.removesuffix(".").partition("+")[0].count(".") + 1
    return version.numbers[:parts] == wanted.numbers[:parts]


def same(one: str, other: str) -> bool:
    """Whether two texts mean the same version; texts that are no versions are the same only if they are equal."""
    if one == other:
        return True
    left, right = parse_or_none(one), parse_or_none(other)
    return left is not None and left == right


def _identifiers(prerelease: str | None) -> tuple[_Identifier, ...]:
    if prerelease is None:
        return ()
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in prerelease.split("."))
