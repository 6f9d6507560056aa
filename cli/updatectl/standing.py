"""May a package still be given to anybody, and be left again? The options of a package's standing → the fields of its spec."""

from typing import Annotated

import typer

from updatectl.session import Changes

Withdraw = Annotated[
    str | None,
    typer.Option("--withdraw", metavar="REASON", help="Give the package to nobody any more, from the next answer on."),
]
NoWithdraw = Annotated[bool, typer.Option("--no-withdraw", help="Give it to whoever it is for again.")]
DeadEnd = Annotated[
    str | None,
    typer.Option("--dead-end", metavar="REASON", help="Say that instances which run the package can't be updated."),
]
NoDeadEnd = Annotated[bool, typer.Option("--no-dead-end", help="Say that they can.")]
MinFrom = Annotated[
    str | None,
    typer.Option(
        "--min-from",
        metavar="VERSION",
        help="The lowest version that is moved up to the package; lower ones need a floor. Empty: any.",
    ),
]


def fields(
    withdraw: str | None, dead_end: str | None, min_from: str | None, *, no_withdraw: bool, no_dead_end: bool
) -> Changes:
    """The spec's fields. Raises typer.BadParameter for an option together with its opposite, or without a reason."""
    changes: dict[str, object] = {}
    changes |= _reason("withdrawn", "--withdraw", withdraw, taken_back=no_withdraw)
    changes |= _reason("deadEnd", "--dead-end", dead_end, taken_back=no_dead_end)
    if min_from is not None:
        changes["minFromVersion"] = min_from or None
    return changes


def _reason(field: str, option: str, reason: str | None, *, taken_back: bool) -> dict[str, object]:
    if reason is not None and taken_back:
        raise typer.BadParameter(f"{option} and --no{option[1:]} say opposite things: give one of them")
    if reason is not None and not reason.strip():
        raise typer.BadParameter(
            f"{option} needs a reason, such as {option} 'loses data'; --no{option[1:]} takes it back"
        )
    if reason is None and not taken_back:
        return {}
    return {field: None if reason is None else {"reason": reason}}
