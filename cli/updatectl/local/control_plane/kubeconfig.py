"""What does a kubeconfig for the local API server look like?

Certificates are embedded, so that a copy of the file works from anywhere on this machine.
"""

import base64
import os
from pathlib import Path

import yaml

from updatectl.local.control_plane.authority import Pair

NAME = "update-service-local"


def write(path: Path, *, server: str, authority: Path, client: Pair) -> None:
    """Write it whole or not at all, readable by its owner only. Raises OSError."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": NAME, "cluster": {"server": server, "certificate-authority-data": _data(authority)}}],
        "users": [
            {
                "name": NAME,
                "user": {"client-certificate-data": _data(client.certificate), "client-key-data": _data(client.key)},
            }
        ],
        "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": NAME, "namespace": "default"}}],
        "current-context": NAME,
    }
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(yaml.safe_dump(content, sort_keys=False))
    draft.replace(path)


def _data(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
