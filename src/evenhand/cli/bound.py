"""`evenhand bound`: the guarantees, term by term, beside the measured cost."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from evenhand.cli.common import Scenario, Settings, Windows, choice, episodes_of, print_table
from evenhand.errors import ParameterError

__all__ = ["bound"]


def bound(
    scenario: Scenario,
    policy: Annotated[str, typer.Option(help="Labels of the line-up, or Name(parameter=value).")] = "FairOBD",
    frame: Annotated[int | None, typer.Option(help="Frame length R; default: the one with the least bound.")] = None,
    deviation: Annotated[float | None, typer.Option(help="Benchmark (R, delta)-OPT; default OPT.")] = None,
    windows: Windows = "all",
    z: Annotated[str, typer.Option("--z", help="Z from the action sets (sets) or from the run (run).")] = "sets",
    set_: Settings = None,
) -> None:
    """Print every term of bound A or B beside the measured cost, means over windows.

    Bound A where beta = 0 (evenhand bound geo7 --set beta=0.0), else bound B.

    Example: evenhand bound geo7 --policy FairOBD --frame 24
    """
    choice("--z", z, ("sets", "run"))
    from evenhand.offline.frames import check_frame
    from evenhand.offline.optimum import optimum
    from evenhand.simulation import simulate
    from evenhand.theory.guarantees import guarantee

    episodes, batch, _ = episodes_of(scenario, windows, set_)
    from evenhand.experiment import pick_policies

    players, _ = pick_policies(episodes, policy)
    if not players:
        raise ParameterError(f"--policy {policy!r} is a benchmark: name an online policy, such as FairOBD")
    if deviation is not None and frame is None:
        raise ParameterError("--deviation needs --frame R")
    if frame is not None:
        check_frame(frame, batch.horizon)
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
    print_table(title, ("term", *(f"{label}\nbound {g.name}" for label, g in told.items())), lines)
    if any(g.name == "ROBD" for g in told.values()):
        print("ROBD's and Greedy's bound is about hitting + switching alone: they do not look at fairness.")
