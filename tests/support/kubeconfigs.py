"""A kubeconfig for whatever stands between a process and the API server."""

import json
from pathlib import Path


def without_credentials(file: Path, server: str) -> Path:
    """Write one for an address that asks for no credentials: a fault proxy adds its own, and where nobody listens none are needed."""
    context = {"name": "test", "context": {"cluster": "test", "user": "test"}}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [context],
        "clusters": [{"name": "test", "cluster": {"server": server}}],
        "users": [{"name": "test", "user": {}}],
    }
    file.write_text(json.dumps(document))
    return file
