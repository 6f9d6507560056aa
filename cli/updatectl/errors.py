"""What does a person read when a command fails? Each failure → what happened and what to do about it."""

from collections.abc import Sequence

from update_kube import errors as kube_errors

FAILURE = 1
"""Exit code of a command that was understood and did not succeed."""


class CommandError(Exception):
    """A command cannot do what was asked; the text says why and what to do."""


class OwnedElsewhereError(CommandError):
    """A field that is to go belongs to another field manager."""


def explain(error: kube_errors.KubeError) -> str:
    """The message for an error of the Kubernetes API, with the next step where there is one."""
    match error:
        case kube_errors.UntrustedServer():
            return f"{error}\nName the CA that signed the server's certificate with --certificate-authority FILE or UPDATECTL_CA."
        case kube_errors.Unreachable():
            return f"cannot reach the Kubernetes API: {error}"
        case kube_errors.Unauthorized():
            return (
                f"the server does not accept these credentials ({error.message}): the token has expired, was revoked, or is of "
                "another cluster. Request a new one, such as with `kubectl create token NAME`."
            )
        case kube_errors.Forbidden():
            return (
                f"not allowed: {error.message}\n"
                "The credentials are good, but this right is missing: ask whoever manages the cluster's roles."
            )
        case kube_errors.Conflict() if error.conflicts:
            return _owned(error.conflicts)
        case kube_errors.Conflict():
            return f"somebody else changed it at the same time: {error.message}\nTry again."
        case kube_errors.Invalid() | kube_errors.BadRequest():
            return _invalid(error)
        case kube_errors.NotFound() if error.message == "404 page not found" or "could not find" in error.message:
            return "the server does not know the update service's kinds: install its CustomResourceDefinitions (crds/) first"
        case _:
            return str(error)


def owned_elsewhere(field: str, managers: Sequence[str]) -> str:
    """The message for a field that belongs to other field managers and was left as it is."""
    return _owned_text([(manager, field) for manager in managers])


def _owned(conflicts: Sequence[kube_errors.FieldConflict]) -> str:
    return _owned_text([(conflict.manager or "another manager", conflict.field.lstrip(".")) for conflict in conflicts])


def _owned_text(owned: Sequence[tuple[str, str]]) -> str:
    lines = [f"{field} is owned by {manager!r}" for manager, field in owned]
    managers = " or ".join(sorted({repr(manager) for manager, _ in owned}))
    return (
        "; ".join(lines) + ": nothing was changed.\n"
        f"Change it where {managers} takes it from: a GitOps tool would revert what is changed here. To take it over all the same: "
        "--force-conflicts."
    )


def _invalid(error: kube_errors.StatusError) -> str:
    causes = [f"  {cause.field}: {cause.message}" if cause.field else f"  {cause.message}" for cause in error.causes]
    return "\n".join(["the server refuses it:", *(causes or [f"  {error.message}"])])
