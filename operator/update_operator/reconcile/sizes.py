"""Does a Group's status stay small? It is held in etcd and sent to every watcher; what can be said more briefly gives way."""

import json

from update_core.resources.group import GroupStatus
from update_operator.reconcile import history

MAX_BYTES = 16 * 1024
_SHORT_MESSAGE = 256


def fitting(status: GroupStatus) -> GroupStatus:
    """The status, where it is too large without its oldest history, and then with its longest messages cut."""
    if _size(status) <= MAX_BYTES:
        return status
    for most in range(len(status.history) - 1, -1, -1):
        kept = list(history.trimmed(status.history, most))
        shorter = status.model_copy(update={"history": kept})
        if _size(shorter) <= MAX_BYTES:
            return shorter
        if len(kept) > most:
            break
    return shorter_messages(status.model_copy(update={"history": list(history.trimmed(status.history, 0))}))


def shorter_messages(status: GroupStatus) -> GroupStatus:
    """The status with the messages of its conditions and blockers cut."""
    return status.model_copy(
        update={
            "conditions": [
                each.model_copy(update={"message": cut(each.message, _SHORT_MESSAGE)}) for each in status.conditions
            ],
            "blockers": [
                each.model_copy(update={"message": cut(each.message, _SHORT_MESSAGE)}) for each in status.blockers
            ],
        }
    )


def cut(message: str, most: int) -> str:
    """A message of at most so many characters."""
    return message if len(message) <= most else message[: most - 1] + "…"


def _size(status: GroupStatus) -> int:
    return len(json.dumps(status.to_wire(), ensure_ascii=False).encode())
