"""What does an instance wish to follow, and which cohort is it given that says no id?

A client keeps the cohort that it was answered last and sends it with every request. So an instance that has neither a machine id
nor a user id can be told apart by a cohort of its own: `<track>:<16 hexadecimal digits>`, minted at its first check. The track
is in it, for a client that says nothing else follows on where its cohort was.
"""

import dataclasses
import re

from update_core.omaha import texts
from update_core.omaha.messages import AppRequest, AppResponse

MAX_MINTED_LENGTH = 128
"""Characters of a minted cohort. It serves as an instance id, and is no longer than one may be."""

_DIGITS = re.compile("[0-9a-f]{16}")
_MINTED = re.compile(f".*:{_DIGITS.pattern}")


def minted(track: str, digits: str) -> str:
    """A cohort for one instance of `track`; `digits` are its own. A track that doesn't fit is left out.

    Raises:
        ValueError: the digits aren't 16 hexadecimal ones in lower case.
    """
    if not _DIGITS.fullmatch(digits):
        raise ValueError(f"{digits!r} isn't 16 hexadecimal digits")
    cohort = f"{track}:{digits}"
    return cohort if len(cohort) <= MAX_MINTED_LENGTH and texts.is_cohort(cohort) else f":{digits}"


def is_minted(cohort: str) -> bool:
    """Whether `cohort` has the form of a minted one. Clients send what they like: it needn't have been."""
    return len(cohort) <= MAX_MINTED_LENGTH and texts.is_cohort(cohort) and _MINTED.fullmatch(cohort) is not None


def track_of(cohort: str) -> str:
    """The track that a cohort stands for: a minted one without its digits, any other as it is."""
    return cohort.rpartition(":")[0] if is_minted(cohort) else cohort


def followed(track: str, *, cohorthint: str, release_channel: str, cohort: str) -> str:
    """What a client wishes to follow, from the plainest wish to the vaguest; without any, where its cohort was."""
    return track or cohorthint or release_channel or track_of(cohort)


def told(text: str) -> str:
    """A cohort, its hint or its name as sent; one that couldn't be sent back is as if there was none."""
    return text if texts.is_cohort(text) else ""


def repeated(app: AppRequest, answer: AppResponse) -> AppResponse:
    """The answer, with what `app` has of a cohort, a hint and a name where it says nothing of them.

    For clients that forget them otherwise.
    """
    return dataclasses.replace(
        answer,
        cohort=_kept(app.cohort, answer.cohort),
        cohorthint=_kept(app.cohorthint, answer.cohorthint),
        cohortname=_kept(app.cohortname, answer.cohortname),
    )


def _kept(had: str, given: str | None) -> str | None:
    return (had or None) if given is None else given
