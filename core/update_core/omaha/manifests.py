"""What is an instance offered? A version's files, where they are, and what is done with them.

Values are checked when they are made, so that no dialect can write half a manifest. Names are the protocol's own.
"""

import enum
from dataclasses import dataclass, field

from update_core.omaha import texts


@dataclass(frozen=True, slots=True)
class Package:
    """A file to download from codebase + `name`, of `size` bytes. Digests are raw; each dialect encodes them its way.

    Raises ValueError for a name that is empty, holds a "/" or walks up, a size below 1, a digest of the wrong length.
    """

    name: str
    size: int
    sha1: bytes | None = None
    sha256: bytes | None = None
    required: bool = True

    def __post_init__(self) -> None:
        # Clients join codebase and name as text: a slash here would leave the folder that the codebase names.
        texts.require_sendable("package name", self.name)
        if "/" in self.name or self.name in {".", ".."}:
            raise ValueError(f"the package name {self.name!r} is no plain file name")
        if self.size < 1:
            raise ValueError(f"the package size {self.size} is not positive")
        if self.sha1 is not None and len(self.sha1) != 20:
            raise ValueError(f"a SHA-1 digest has 20 bytes, not {len(self.sha1)}")
        if self.sha256 is not None and len(self.sha256) != 32:
            raise ValueError(f"a SHA-256 digest has 32 bytes, not {len(self.sha256)}")


class ActionEvent(enum.StrEnum):
    """When an action is taken. `postinstall` isn't here: what the CoreOS line reads from it is `PostInstall`."""

    PREINSTALL = "preinstall"
    INSTALL = "install"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class Action:
    """A program to start: `run` is a file of the version, or of what its payload unpacks to, with `arguments`.

    `onsuccess` is what Omaha 3 does afterwards, such as "exitsilently". Raises ValueError for texts that can't be sent.
    """

    event: ActionEvent
    run: str = ""
    arguments: str = ""
    onsuccess: str = ""

    def __post_init__(self) -> None:
        texts.require_sendable_if_any("program to run", self.run)
        texts.require_sendable_if_any("program's arguments", self.arguments)
        texts.require_sendable_if_any("action on success", self.onsuccess)


@dataclass(frozen=True, slots=True)
class PostInstall:
    """What the CoreOS line reads from ``<action event="postinstall">``, besides the digest of the first package.

    `metadata_size` is in bytes; `metadata_signature_rsa` is base64 and is passed on as it is. `max_failure_count_per_url` None
    is update_engine's own 10. `deadline` is a text that the machine is told, "now" for an update that shouldn't wait.
    """

    metadata_size: int | None = None
    metadata_signature_rsa: str = ""
    needsadmin: bool = False
    is_delta: bool = False
    is_delta_payload: bool = False
    # update_engine would otherwise sit out 1, 2, 4… days after a failed download, unseen by the rollout's own back-off.
    disable_payload_backoff: bool = True
    max_failure_count_per_url: int | None = None
    deadline: str = ""
    prompt: bool = False
    more_info: str = ""
    display_version: str = ""

    def __post_init__(self) -> None:
        for what, text in (
            ("metadata signature", self.metadata_signature_rsa),
            ("deadline", self.deadline),
            ("address of more information", self.more_info),
            ("version to display", self.display_version),
        ):
            texts.require_sendable_if_any(what, text)


@dataclass(frozen=True, slots=True)
class Manifest:
    """One version and its files, the payload first.

    Raises ValueError without a version, without a package, or when the payload has no SHA-256.
    """

    version: str
    packages: tuple[Package, ...]
    postinstall: PostInstall = field(default_factory=PostInstall)
    actions: tuple[Action, ...] = ()

    def __post_init__(self) -> None:
        texts.require_sendable("manifest version", self.version)
        _ = self.payload_sha256

    @property
    def payload_sha256(self) -> bytes:
        """The digest that the payload must have: update_engine and ue-rs take the first package for it."""
        payload = next(iter(self.packages), None)
        if payload is None or payload.sha256 is None:
            raise ValueError("a manifest needs a payload with a SHA-256 digest as its first package")
        return payload.sha256

    def action(self, event: ActionEvent) -> Action | None:
        """The first action to take at `event`; JSON has room for one."""
        return next((action for action in self.actions if action.event is event), None)


@dataclass(frozen=True, slots=True)
class Floor:
    """A version that has to be installed before later ones; `reason` is for people."""

    manifest: Manifest
    reason: str = ""

    def __post_init__(self) -> None:
        texts.require_sendable_if_any("floor's reason", self.reason)


@dataclass(frozen=True, slots=True)
class Offer:
    """An update: `urls` are the codebases in the order to try them, each ending in "/".

    `floors` are versions to install first, lowest first, from the same codebases: for clients that say multi_manifest_ok, in XML
    alone. Raises ValueError without urls or for one that doesn't end in "/".
    """

    urls: tuple[str, ...]
    manifest: Manifest
    floors: tuple[Floor, ...] = ()

    def __post_init__(self) -> None:
        if not self.urls:
            raise ValueError("an offer needs at least one codebase")
        for codebase in self.urls:
            texts.require_sendable("codebase", codebase)
            # Old update_engine and Chromium concatenate without adding the slash.
            if not codebase.endswith("/"):
                raise ValueError(f'the codebase {codebase!r} does not end in "/"')
