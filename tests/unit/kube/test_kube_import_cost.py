"""A command line that only names resources doesn't wait for the Kubernetes client to load."""

from __future__ import annotations

import subprocess
import sys

CHEAP = [
    "backoff",
    "client_certificate",
    "configuration",
    "credentials",
    "errors",
    "kubeconfig",
    "microtime",
    "resources",
    "store",
    "watching",
]
EXPENSIVE = ["kubernetes", "aiohttp", "pydantic"]


def test_the_value_modules_load_neither_the_official_client_nor_aiohttp():
    program = f"""
import sys, importlib
for module in {CHEAP}:
    importlib.import_module("update_kube." + module)
print([name for name in {EXPENSIVE} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
