"""`evenhand check`: the public checks over a file of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from evenhand.checks.promises import Verdict
    from evenhand.core import Problem

__all__ = ["check"]

#: of a scenario, that policies are watched on
ROUNDS = 12


def check(
    file: Annotated[Path, typer.Argument(help="A Python file with policies, costs, ... of your own.")],
    example: Annotated[
        list[str] | None,
        typer.Option(help="Name(parameter=value) to check in place of the file's EXAMPLES; repeatable."),
    ] = None,
    on: Annotated[str, typer.Option(help="A scenario or your own data: policies are played on its first rounds.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Every verdict as JSON on stdout.")] = False,
) -> None:
    """Check that what is in a file keeps the promises of its kind; say what broke, and how to mend it.

    Policies: inputs unmutated, actions feasible and not aliased, the same seed the same path, states through JSON,
    batched as single, causal, free of units where they claim it, finite on adversarial rounds. Every other kind
    (fairness, switching, costs, sets, impacts, mirrors, memory, utilities, scenarios, allocators) has its own.

    Examples:

      evenhand check my_policy.py

      evenhand check my_policy.py --example "MyPolicy(weight=0.5)" --example "MyPolicy(weight=2.0)"

      evenhand check my_policy.py --on my-sites.yaml

      evenhand check my_policy.py --json

    A class is built without arguments, or as the file's EXAMPLES = (MyPolicy(weight=0.5), ...) says. Exit code 0 where
    all hold, 1 where a promise is broken, 2 where the file cannot be read or a class not built.
    """
    from evenhand.checks.file import examine_file

    found = examine_file(file, example or (), _first_rounds(on) if on else None)
    broken = sum(one.result == "broken" for _, _, verdicts in found for one in verdicts)
    if json:
        _print_json(found)
    else:
        for subject, kind, verdicts in found:
            _print_table(f"{subject} ({kind})", verdicts)
        held = sum(one.result == "ok" for _, _, verdicts in found for one in verdicts)
        print(f"{file}: {held} hold, {broken} broken")
    if broken:
        raise typer.Exit(1)


def _first_rounds(name: str) -> Problem:
    """So many rounds that a policy can be watched in a moment."""
    from evenhand.experiment import load

    problem = load(name).problem
    return problem.window(0, min(problem.horizon, ROUNDS))


def _print_table(title: str, verdicts: tuple[Verdict, ...]) -> None:
    from evenhand.cli.common import show
    from evenhand.report.text import add, plain, table

    lines = table(title, ("check", "result", "promise"), ("check", "result", "promise"))
    for one in verdicts:
        told = f"{one.check.promise}; {one.note}" if one.note else one.check.promise
        add(lines, (one.check.name, one.result, told), {"broken": "bold red", "-": "dim"}.get(one.result, ""))
    show(lines)
    for one in verdicts:
        if one.told:
            print(f"{one.check.name}: {plain(one.told, 400)}\n  to mend it: {one.check.mend}")


def _print_json(found: Any) -> None:
    import json

    rows = [
        {
            "subject": subject,
            "kind": kind,
            "check": one.check.name,
            "promise": one.check.promise,
            "result": one.result,
            "told": one.told or one.note,
            "mend": one.check.mend if one.told else "",
        }
        for subject, kind, verdicts in found
        for one in verdicts
    ]
    print(json.dumps(rows, indent=2))
