"""People with kubectl, as they work on a local stack: the administrator, and whoever has a service account's token."""

import contextlib
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from support.local_stack import LocalStack
from updatectl.local.control_plane import binaries


class Person:
    """Types kubectl in the namespace `default`."""

    def __init__(self, stack: LocalStack, cache: Path, account: str | None = None) -> None:
        """Without an account: the administrator, by the kubeconfig."""
        program = str(binaries.ensure_kubectl(progress=print))
        self.command = [program, f"--cache-dir={cache}"]
        self.environment = {"HOME": str(cache)}
        if account is None:
            self.command.append(f"--kubeconfig={stack.kubeconfig}")
        else:
            folder = stack.folders.service_account(account)
            token = (folder / "token").read_text()
            self.command += ["--kubeconfig=/dev/null", f"--server={stack.kube_server}", f"--token={token}"]
            self.command += [f"--certificate-authority={folder / 'ca.crt'}", "--namespace=default"]

    def try_(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl, whatever comes of it."""
        return subprocess.run(
            [*self.command, *arguments],
            input=stdin,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl printed; a failure is an AssertionError."""
        ran = self.try_(*arguments, stdin=stdin)
        assert ran.returncode == 0, f"kubectl {' '.join(arguments)}: {ran.stdout}{ran.stderr}"
        return ran.stdout

    @contextlib.contextmanager
    def following(self, *arguments: str) -> Iterator[list[str]]:
        """A kubectl that goes on printing; its lines as they come."""
        process = subprocess.Popen(
            [*self.command, *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        lines: list[str] = []
        reader = threading.Thread(target=lambda: lines.extend(line.rstrip() for line in process.stdout or ()))
        reader.start()
        try:
            yield lines
        finally:
            process.terminate()
            process.wait(30)
            reader.join(30)
            if process.stdout is not None:
                process.stdout.close()
