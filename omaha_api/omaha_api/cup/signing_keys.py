"""With which keys are answers signed? Those in a folder, one PEM file each, named after the key's id: `7.pem` is key 7.

The folder is usually a Secret's volume, which is replaced as a whole by a symbolic link; it is looked at every few seconds. A file that
can't be used changes nothing: the others count, and so does the key that it held before.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from update_core.omaha import cup

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
"""Between two looks. A Secret takes a minute to arrive in its volumes anyway."""

_SUFFIX = ".pem"

_Stamp = tuple[int, int, int]


class KeyFolderError(Exception):
    """The folder of keys can't be read; the text names it and says why."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A file as it was last looked at, and the key that it holds; None where it never held one."""

    stamp: _Stamp
    key: cup.SigningKey | None


class KeyFolder:
    """The keys in a folder, by id."""

    def __init__(self, folder: Path, *, look_seconds: float = LOOK_SECONDS) -> None:
        """Reads it.

        Raises:
            KeyFolderError: it isn't there, or can't be read. Files that can't be used are only logged.
        """
        self._folder = folder
        self._look_seconds = look_seconds
        self._held: dict[str, _Held] = {}
        self._readable = True
        self.keys: Mapping[str, cup.SigningKey] = {}
        self._take(self._stamps())
        if not self.keys:
            logger.warning("there is no CUP key in %s yet: requests with cup2key are refused", folder)

    async def run(self) -> None:
        """Follow what changes in the folder, until cancelled."""
        while True:
            await asyncio.sleep(self._look_seconds)
            # Not on the event loop: a folder on the network may take its time.
            await asyncio.to_thread(self.look)

    def look(self) -> None:
        """Read what has changed. A folder that can't be read leaves all keys as they are."""
        try:
            stamps = self._stamps()
        except KeyFolderError as error:
            if self._readable:
                logger.warning("the CUP keys stay as they are: %s", error)
            self._readable = False
            return
        self._readable = True
        if stamps != {name: held.stamp for name, held in self._held.items()}:
            self._take(stamps)

    def _stamps(self) -> dict[str, _Stamp]:
        try:
            return {
                entry.name: stamp
                for entry in self._folder.iterdir()
                if entry.suffix == _SUFFIX and (stamp := _stamp(entry)) is not None
            }
        except OSError as error:
            raise KeyFolderError(f"{self._folder} can't be read: {error.strerror}") from error

    def _take(self, stamps: Mapping[str, _Stamp]) -> None:
        # Looked at before it is read: what is written in between is yet another stamp, and is read again.
        before = self._held
        self._held = {name: self._read(name, stamp, before.get(name)) for name, stamp in sorted(stamps.items())}
        keys = {name.removesuffix(_SUFFIX): held.key for name, held in self._held.items() if held.key is not None}
        for gone in sorted(self.keys.keys() - keys.keys()):
            logger.warning("CUP key %s is gone: clients that name it are refused from now on", gone)
        self.keys = keys

    def _read(self, name: str, stamp: _Stamp, before: _Held | None) -> _Held:
        if before is not None and before.stamp == stamp:
            return before
        former = None if before is None else before.key
        key_id = name.removesuffix(_SUFFIX)
        if cup.KEY_ID.fullmatch(key_id) is None:
            logger.warning("%s isn't used: its name can't be a key id", self._folder / name)
            return _Held(stamp, None)
        try:
            key = cup.signing_key((self._folder / name).read_bytes())
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            effect = "isn't used" if former is None else "isn't used, and the key that it held before goes on"
            logger.warning("%s %s: %s", self._folder / name, effect, why)
            return _Held(stamp, former)
        if former is None or former.public != key.public:
            logger.info("answers are signed with CUP key %s on request", key_id)
        return _Held(stamp, key)


def _stamp(file: Path) -> _Stamp | None:
    """When and what it was, followed through links; None for what has gone since the folder was listed."""
    try:
        stat = file.stat()
    except FileNotFoundError:
        return None
    except OSError:
        # Reading it will say why, and its former key goes on.
        return 0, 0, 0
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
