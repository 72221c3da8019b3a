"""The verbs of the theory half: certify, bound, periodicity, adversary, theory."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from evenhand.cli_common import settings_of
from evenhand.errors import EvenhandError, ParameterError

__all__ = ["register"]

_Settings = Annotated[list[str] | None, typer.Option("--set", help="name=value, any setting of the scenario.")]
_Windows = Annotated[str, typer.Option(help="all, 12, 0,24,48 or 0:97:24 (starts).")]
_Out = Annotated[Path | None, typer.Option(help="Also draw a figure into this file (.png, .svg, .pdf).")]


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    for verb in (certify, bound, periodicity, adversary, theory):
        app.command()(verb)


def certify(
    folder: Annotated[Path, typer.Argument(help="A folder that `evenhand compare` wrote, such as out/compare-geo7.")],
    policy: Annotated[str, typer.Option(help="A policy of that comparison, a prefix of some, or all.")] = "all",
    format_: Annotated[str, typer.Option("--format", help="table or csv on stdout.")] = "table",
    out: _Out = None,
) -> None:
    """Prove, window by window, how far a run is at most above the best possible in hindsight.

    Example: evenhand certify out/compare-geo7 --policy FairOBD
    """
    _choice("--format", format_, ("table", "csv"))
    from evenhand.offline.bound import lower_bound
    from evenhand.report.runs import read_run

    replay = read_run(folder)
    labels = replay.labels(policy)
    proved = lower_bound(replay.problem)
    costs = {label: replay.play(label).cost.total for label in labels}
    excess = {label: proved.excess(cost) for label, cost in costs.items()}
    if format_ == "csv":
        print("policy,window,cost,lower_bound,at_most_above")
        for label in labels:
            for k, window in enumerate(replay.windows):
                numbers = (float(v[k]) for v in (costs[label], proved.value, excess[label]))
                print(f'"{label}",{window},{",".join(map(repr, numbers))}')
    else:
        head = ("window", "best proved", *(f"{label}: cost, at most above" for label in labels))
        lines = [
            (str(window), f"{proved.value[k]:.2f}", *(f"{costs[x][k]:.2f}  {_percent(excess[x][k])}" for x in labels))
            for k, window in enumerate(replay.windows)
        ]
        _table(f"{replay.episodes.name}: proved distance to the best possible in hindsight", head, lines)
        for label in labels:
            mean = float(costs[label].mean() / proved.value.mean() - 1.0)
            worst = int(excess[label].argmax())
            print(
                f"{label}: at most {_percent(mean)} above the best possible in hindsight, proved "
                f"(worst window {replay.windows[worst]}: {_percent(excess[label][worst])})"
            )
    _draw(out, "certificates", excess, replay.windows)


def bound(
    scenario: Annotated[str, typer.Argument(help="Name of a scenario; see `evenhand list scenarios`.")],
    policy: Annotated[str, typer.Option(help="Labels of the line-up, or Name(parameter=value).")] = "FairOBD",
    frame: Annotated[int | None, typer.Option(help="Frame length R; default: the one with the least bound.")] = None,
    deviation: Annotated[float | None, typer.Option(help="Benchmark (R, delta)-OPT; default OPT.")] = None,
    windows: _Windows = "all",
    z: Annotated[str, typer.Option("--z", help="Z from the action sets (sets) or from the run (run).")] = "sets",
    set_: _Settings = None,
) -> None:
    """Print every term of bound A or B beside the measured cost, means over windows.

    Bound A where beta = 0 (evenhand bound geo7 --set beta=0.0), else bound B.

    Example: evenhand bound geo7 --policy FairOBD --frame 24
    """
    _choice("--z", z, ("sets", "run"))
    from evenhand.offline.frames import check_frame
    from evenhand.offline.optimum import optimum
    from evenhand.simulation import simulate
    from evenhand.theory.guarantees import guarantee

    episodes, batch, _ = _episodes(scenario, windows, set_)
    from evenhand.experiment import pick_policies

    players, _ = pick_policies(episodes, policy)
    if not players:
        raise ParameterError(f"--policy {policy!r} is a benchmark: name an online policy, such as FairOBD")
    if deviation is not None and frame is None:
        raise ParameterError("--deviation needs --frame R")
    if frame is not None:
        check_frame(frame, batch.setting.horizon)
    told: dict[str, Any] = {}
    best = None
    for label, player in players.items():
        mirror = getattr(getattr(player, "dual", None), "mirror", None)
        if best is None or deviation is not None:
            held = {} if deviation is None else {"frame": frame, "deviation": deviation}
            best = optimum(batch, **held, **({"mirror": mirror} if held and mirror is not None else {}))
        told[label] = guarantee(simulate(batch, player), best, frame=frame, spread="run" if z == "run" else "sets")
    lines: list[tuple[str, ...]] = []
    first = next(iter(told.values()))
    for name in first.terms:
        lines.append((name, *(f"{g.terms[name].mean():.2f}" for g in told.values())))
    lines.append(("bound", *(f"{g.bound.mean():.2f}" for g in told.values())))
    lines.append(("measured", *(f"{g.measured.mean():.2f}" for g in told.values())))
    rows = {
        "frame R": lambda g: str(g.frame),
        "hitting factor": lambda g: f"{g.hitting_factor.mean():.4f}",
        "switching factor": lambda g: f"{g.switching_factor.mean():.4f}",
        "delta attained": lambda g: f"{g.deviation.mean():.2f}",
        "Z": lambda g: f"{g.spread.mean():.2f}",
        "sigma": lambda g: f"{g.sigma.mean():.4g}",
        "kappa_max": lambda g: f"{g.kappa_max.mean():.4g}",
        "holds in every window": lambda g: "yes" if g.holds else "NO",
    }
    lines += [(name, *(show(g) for g in told.values())) for name, show in rows.items()]
    against = "OPT" if deviation is None else f"({frame}, {deviation:g})-OPT"
    count = first.bound.size
    title = f"{scenario}: bounds against {against}, means over {count} window{'s' * (count != 1)}"
    _table(title, ("term", *(f"{label}\nbound {g.name}" for label, g in told.items())), lines)
    if any(g.name == "ROBD" for g in told.values()):
        print("ROBD's and Greedy's bound is about hitting + switching alone: they do not look at fairness.")


def periodicity(
    scenario: Annotated[str, typer.Argument(help="Name of a scenario; see `evenhand list scenarios`.")],
    windows: _Windows = "all",
    mirror: Annotated[str, typer.Option(help="euclidean, or entropy (burdens in l_inf).")] = "euclidean",
    set_: _Settings = None,
    out: _Out = None,
) -> None:
    """Print the delta that OPT attains for each frame length R: how periodic the trace is.

    Example: evenhand periodicity geo7
    """
    from evenhand.offline.frames import periodicity as measure
    from evenhand.offline.optimum import optimum
    from evenhand.registry import construct

    _, batch, _ = _episodes(scenario, windows, set_)
    rounds = batch.setting.horizon
    found = measure(optimum(batch).trajectory, construct("mirrors", mirror, {}))
    lines = [
        (str(r), f"{d.mean():.2f}", f"{d.min():.2f}", f"{d.max():.2f}", f"{d.mean() / rounds:.3f}")
        for r, d in found.items()
    ]
    count = next(iter(found.values())).size
    title = f"{scenario}: delta attained by OPT, {count} window{'s' * (count != 1)} of {rounds} rounds"
    _table(title, ("frame R", "delta (mean)", "least", "largest", "delta / T"), lines)
    _draw(out, "periodicity", found, rounds)


def adversary(
    kind: Annotated[str, typer.Argument(help="regret or ratio.")],
    policy: Annotated[str, typer.Option(help="Name(parameter=value), or all.")] = "all",
    rounds: Annotated[str, typer.Option(help="Horizons T, even, by commas.")] = "64,256,1024,4096",
    out: _Out = None,
) -> None:
    """Play policies in the adversary that no policy beats; print the measured regret or ratio beside the bound.

    Example: evenhand adversary ratio --policy all --rounds 64,256,1024,4096 --out ratio.png
    """
    _choice("KIND", kind, ("regret", "ratio"))
    from evenhand.registry import parse
    from evenhand.report.claims import every_policy
    from evenhand.theory.adversaries import ConstantRegret, LinearRatio, duel

    horizons = _numbers(rounds)
    make = ConstantRegret if kind == "regret" else LinearRatio
    environments = [make(count) for count in horizons]
    players = every_policy() if policy == "all" else {policy: parse("policies", policy)}
    measured: dict[str, list[float]] = {}
    for label, player in players.items():
        try:
            measured[label] = [duel(e, player).measured for e in environments]
        except EvenhandError as error:
            if policy != "all":
                raise
            print(f"{label} was not played: {error}", file=sys.stderr)
    lines = [(label, *(f"{v:.4f}" for v in values)) for label, values in measured.items()]
    lines.append(("proved: at least", *(f"{e.proved:.4f}" for e in environments)))
    lines.append(("in fact at least", *(f"{e.sharp:.4f}" for e in environments)))
    what = "cost - OPT per round" if kind == "regret" else "cost / OPT"
    _table(f"Adversary of {kind}: measured {what}", ("policy", *(f"T = {count}" for count in horizons)), lines)
    _draw(out, "adversary", kind, horizons, measured)


def theory(
    drawn: Annotated[int, typer.Option(help="Number of drawn instances.")] = 200,
    rounds: Annotated[str, typer.Option(help="Horizons T of the adversaries.")] = "64,256,1024,4096",
    out: _Out = None,
) -> None:
    """Compute every claim of the theory and print it beside what was measured; exit code 1 if one fails.

    With --out, draw what vanishes as T grows and what does not.
    """
    from evenhand.report.claims import claims
    from evenhand.theory.asymptotics import excess_on_periodic, regret_in_adversary

    horizons = _numbers(rounds)
    found = list(claims(drawn=drawn, rounds=horizons))
    lines = [(c.text, c.measured, c.required, "yes" if c.holds else "NO") for c in found]
    _table("Claims, computed now", ("claim", "measured", "required", "holds"), lines)
    if out is not None:
        _draw(out, "vanishing", excess_on_periodic(horizons), regret_in_adversary(horizons))
    if not all(c.holds for c in found):
        raise typer.Exit(1)


def _episodes(scenario: str, windows: str, set_: list[str] | None) -> tuple[Any, Any, list[int]]:
    from evenhand.experiment import load, pick_windows

    episodes = load(scenario, **settings_of(set_))
    starts = pick_windows(windows, len(episodes))
    chosen = list(range(len(episodes))) if starts is None else starts
    return episodes, episodes.windows().select(chosen), chosen


def _choice(name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise ParameterError(f"{name} is {value!r}: it must be {' or '.join(allowed)}")


def _numbers(text: str) -> list[int]:
    try:
        return [int(item) for item in text.split(",")]
    except ValueError:
        raise ParameterError(f"--rounds is {text!r}: write whole numbers by commas, such as 64,256,1024") from None


def _percent(value: float) -> str:
    return f"{100.0 * value:.2f} %" if value < 10.0 else f"{100.0 * value:,.0f} %"


def _table(title: str, head: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for k, name in enumerate(head):
        table.add_column(name, justify="left" if k == 0 else "right", overflow="fold")
    for line in lines:
        table.add_row(*line)
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def _draw(out: Path | None, name: str, *data: Any) -> None:
    if out is None:
        return
    from evenhand.files import writing
    from evenhand.report import plots_theory

    if not out.parent.is_dir():
        raise ParameterError(f"--out {str(out)!r}: the folder {str(out.parent)!r} does not exist")
    with writing(out) as temporary:
        getattr(plots_theory, name)(*data, temporary)
    print(f"Wrote {out}", file=sys.stderr)
