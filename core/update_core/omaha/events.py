"""What do the numbers in an event mean?

Names for people, and update_engine's error codes taken apart. What an event moves is decided elsewhere; unknown numbers
are legal everywhere and must still be acknowledged.
"""

import enum
from dataclasses import dataclass

TYPES = {
    0: "unknown",
    1: "download complete",
    2: "install complete",
    3: "update complete",
    4: "uninstall complete",
    5: "download started",
    6: "install started",
    9: "new application install started",
    10: "setup started",
    11: "setup finished",
    12: "update started",
    13: "update download started",
    14: "update download finished",
    15: "update install started",
    16: "setup update begin",
    17: "setup update complete",
    20: "register product complete",
    30: "OEM install first check",
    40: "app-specific command started",
    41: "app-specific command ended",
    42: "action",
    50: "update check failed",
    54: "rebooted after update",
    60: "LZMA decompression",
    61: "zucchini patch",
    62: "puffin patch",
    63: "CRX3 unpacking",
    100: "setup failure",
    102: "COM server failure",
    103: "setup update failure",
    800: "installed, waiting for the restart",
}

RESULTS = {
    0: "error",
    1: "success",
    2: "success, restarted",
    3: "success, restart the browser",
    4: "cancelled",
    5: "installer error (MSI)",
    6: "installer error (other)",
    7: "no update",
    8: "installer error (system)",
    9: "deferred",
    10: "handed off with an error",
}

ERRORS = {
    0: "success",
    1: "error",
    2: "Omaha request failed",
    3: "Omaha response could not be handled",
    4: "file system copy failed",
    5: "postinstall failed",
    6: "boot flag could not be set",
    7: "install device could not be opened",
    8: "kernel device could not be opened",
    9: "download failed",
    10: "payload hash mismatch",
    11: "payload size mismatch",
    12: "payload verification failed",
    13: "new partition information is invalid",
    14: "payload could not be written",
    15: "new root file system failed verification",
    16: "new kernel failed verification",
    17: "signed delta payload expected",
    18: "payload signature failed verification",
    19: "postinstall booted from firmware B",
    20: "download state could not be initialized",
    21: "payload has the wrong magic bytes",
    22: "payload manifest has no signature",
    23: "payload manifest could not be read",
    24: "metadata signature error",
    25: "metadata signature could not be verified",
    26: "metadata signature mismatch",
    27: "operation hash could not be verified",
    28: "operation failed",
    29: "operation hash mismatch",
    30: "Omaha response is empty",
    31: "Omaha response is not XML",
    32: "metadata size is invalid",
    33: "metadata signature is invalid",
    34: "Omaha response is invalid",
    35: "update ignored by policy",
    36: "update deferred by policy",
    37: "Omaha server answered with an HTTP error",
    38: "operation hash is missing",
    39: "metadata signature is missing",
    40: "update deferred for back-off",
    41: "powerwash failed",
    42: "new PCR policy failed verification",
    43: "new PCR policy could not be fetched",
    44: "the new version did not start and the old one is back",
}

_BASE_MASK = 0x0FFF_FFFF
_FLAGS_MASK = 0xF000_0000
_HTTP_BASE = 2000


class ErrorFlag(enum.Flag):
    """What update_engine adds to an error code about the machine that it runs on."""

    CUSTOM_OMAHA_URL = 1 << 28  # always set with a server other than the vendor's, this one too
    TEST_IMAGE = 1 << 29
    RESUMED = 1 << 30
    DEVELOPER_MODE = 1 << 31


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """An error code: `raw` as sent; `base`, a key of `ERRORS` or 2000 + an HTTP status; and the `flags` around it."""

    raw: int
    base: int
    flags: ErrorFlag

    @property
    def http_status(self) -> int | None:
        """The HTTP status that update_engine got from the Omaha server; None for other errors."""
        status = self.base - _HTTP_BASE
        # Exactly 2000 is no status: clients without a finer code send it for a plain failure.
        return status if 0 < status < 1000 else None

    @property
    def meaning(self) -> str:
        """The error in words."""
        if self.http_status is not None:
            return f"Omaha server answered with HTTP {self.http_status}"
        return ERRORS.get(self.base, f"error {self.base}")


def numbered_by_update_engine(updater: str) -> bool:
    """Whether a client's error codes are those of `ERRORS`, by what it calls itself (the request's `updater`).

    The CoreOS line, which numbers as update_engine does, sends no such name. Those who do have numbers of their own: Fuchsia's 2 is an
    installation that failed.
    """
    return not updater or "UpdateEngine" in updater


def decode(errorcode: int) -> ErrorCode:
    """The parts of `errorcode`, which may be negative: update_engine prints its 32 bits as a signed number."""
    return ErrorCode(raw=errorcode, base=errorcode & _BASE_MASK, flags=ErrorFlag(errorcode & _FLAGS_MASK))
