"""Keys for clients with CUP: made for the Omaha service, shown for the clients. Neither command talks to anything."""

import base64
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from updatectl import output
from updatectl.commands import Call, connected, noun
from updatectl.errors import CommandError
from updatectl.settings import Format

if TYPE_CHECKING:
    from updatectl import cup_forms

app = noun("Keys with which answers are signed for clients with CUP.")

SECRET_NAME = "update-service-cup-keys"  # noqa: S105 - the name of an object, no secret

_STDIN = Path("-")


class ManifestForm(StrEnum):
    """Forms of a manifest."""

    YAML = "yaml"
    JSON = "json"


KeyId = Annotated[
    str, typer.Option("--key-id", help="What clients call the key: a number, 1 to 255 where Omaha 3 is among them.")
]
KeyIdOfFile = Annotated[str | None, typer.Option("--key-id", help="Without it the file's name, without .pem.")]
SecretName = Annotated[str, typer.Option("--secret-name", help="The Secret's name.")]
Form = Annotated[ManifestForm, typer.Option("--output", "-o", help="Form of the manifest.")]
KeyFile = Annotated[Path, typer.Argument(metavar="FILE", help="A private or public key in PEM; - for standard input.")]


@connected(
    app,
    "keygen",
    "updatectl cup keygen --key-id 1 | kubectl create -f -",
    "updatectl cup keygen --key-id 2 -o json | kubectl patch secret update-service-cup-keys --patch-file /dev/stdin",
)
def keygen(call: Call, key_id: KeyId, secret_name: SecretName = SECRET_NAME, form: Form = ManifestForm.YAML) -> None:
    """Make a key: a Secret for the Omaha service on standard output, the public key for clients on standard error.

    The private key is nowhere else. Nothing is sent to the cluster.
    """
    from cryptography.hazmat.primitives import serialization  # a tenth of a second, which no help text should cost
    from cryptography.hazmat.primitives.asymmetric import ec

    from update_core.omaha import cup
    from updatectl import cup_forms

    _check_id(key_id)
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": secret_name},
        "type": "Opaque",
        "data": {f"{key_id}.pem": base64.b64encode(pem).decode()},
    }
    if call.settings.namespace is not None:
        secret["metadata"] = {"name": secret_name, "namespace": call.settings.namespace}
    output.show(secret, (), Format(form), header=False)
    output.remark(cup_forms.text(cup_forms.NamedKey(key_id, cup.PublicKey(key.public_key()))))


@connected(
    app,
    "show",
    "updatectl cup show 7.pem",
    "kubectl get secret update-service-cup-keys -o go-template='{{index .data \"7.pem\" | base64decode}}' "
    "| updatectl cup show - --key-id 7",
)
def show(call: Call, file: KeyFile, key_id: KeyIdOfFile = None) -> None:  # noqa: ARG001 - what commands begin with
    """Print a key's public half in the forms that clients have built in."""
    from updatectl import cup_forms  # as above

    if key_id is None and file == _STDIN:
        raise typer.BadParameter("standard input has no name to take the id from", param_hint="--key-id")
    key_id = file.name.removesuffix(".pem") if key_id is None else key_id
    _check_id(key_id)
    typer.echo(cup_forms.text(_read(file, key_id)))


def _read(file: Path, key_id: str) -> "cup_forms.NamedKey":
    from update_core.omaha import cup
    from updatectl import cup_forms

    try:
        encoded = sys.stdin.buffer.read() if file == _STDIN else file.read_bytes()
    except OSError as error:
        raise CommandError(f"cannot read {file}: {error.strerror}") from error
    try:
        key = cup.signing_key(encoded).public if b"PRIVATE KEY" in encoded else cup.public_key(encoded)
        return cup_forms.NamedKey(key_id, key)
    except ValueError as error:
        raise CommandError(f"{file}: {error}") from error


def _check_id(key_id: str) -> None:
    from update_core.omaha import cup

    if cup.KEY_ID.fullmatch(key_id) is None:
        raise typer.BadParameter(
            f"{key_id!r} is no key id: 1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit",
            param_hint="--key-id",
        )
