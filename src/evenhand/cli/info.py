"""`evenhand info`: versions, solvers, and which kernels are compiled; or what a scenario is."""

from __future__ import annotations

from typing import Annotated

import typer

from evenhand.cli.common import Settings

__all__ = ["info"]


def info(
    scenario: Annotated[
        str, typer.Argument(help="A scenario, or your own .yaml or .toml file; left out, the installation.")
    ] = "",
    set_: Settings = None,
) -> None:
    """Versions, solvers, and which kernels are compiled; of a scenario its story, settings, size and line-up.

    Example: evenhand info geo10
    """
    if not scenario:
        from evenhand.diagnose import report
        from evenhand.errors import ParameterError

        if set_:
            raise ParameterError("--set needs a scenario: evenhand info geo10 --set length=457")
        print(report())
        return
    from evenhand.cli.common import settings_of
    from evenhand.experiment import load, names_own, scenario_named
    from evenhand.registry import construct
    from evenhand.report.info import about

    if not names_own(scenario) and hasattr(scenario_named(scenario), "fleets"):
        print(about(construct("scenarios", scenario, settings_of(set_))))
        return
    episodes = load(scenario, **settings_of(set_))
    print(about(episodes.scenario, episodes))
