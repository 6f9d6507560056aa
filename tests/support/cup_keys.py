"""Keys for CUP: one that never changes, so that its proofs can be written down, and as many new ones as a test needs."""

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from update_core.omaha import cup

FIXED = ec.derive_private_key(0xC0FFEE, ec.SECP256R1())
"""A key that everybody knows."""


def pem(key: ec.EllipticCurvePrivateKey | None = None) -> bytes:
    """A private key as the files have it; a new one if none is given."""
    return (key or ec.generate_private_key(ec.SECP256R1())).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


class MountedSecret:
    """A folder as kubelet fills it from a Secret: files are links into a version, and versions are exchanged by one rename."""

    def __init__(self, folder: Path, **keys: bytes) -> None:
        self.folder = folder
        self._version = 0
        folder.mkdir()
        self.replace(**keys)

    def replace(self, **keys: bytes) -> None:
        """Another version of the Secret. Names are key ids with "k" in front, because digits can't be keywords."""
        files = {f"{name.removeprefix('k')}.pem": content for name, content in keys.items()}
        self._version += 1
        version = self.folder / f"..2026_03_01.{self._version}"
        version.mkdir()
        for name, content in files.items():
            (version / name).write_bytes(content)
        link = self.folder / "..data_tmp"
        link.symlink_to(version.name)
        link.rename(self.folder / "..data")
        for name in files:
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(Path("..data") / name)
        for entry in self.folder.glob("*.pem"):
            if entry.name not in files:
                entry.unlink()


def public(content: bytes) -> cup.PublicKey:
    """The public half of a PEM file's key."""
    return cup.signing_key(content).public
