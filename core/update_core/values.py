"""Values that are made by the thousand each second: immutable for whoever checks the types, and quickly made.

A frozen dataclass sets each field through a call of its own, which takes four times as long. What is checked before it runs needs no
guard while it does (docs/adr/0021).
"""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

Class = TypeVar("Class")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[Class]) -> type[Class]:
    """A dataclass with slots, compared and hashed by its fields. To the type checker it is frozen: an assignment is an error there."""
    return dataclass(slots=True, unsafe_hash=True)(cls)
