"""`evenhand controller`: create, list, show, pause, resume and delete the controllers of a running server."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from evenhand.cli.common import choice, print_table

__all__ = ["Token", "Url", "controller"]

controller: typer.Typer = typer.Typer(
    name="controller", help="The controllers of a running server.", rich_markup_mode=None
)
Url = Annotated[str, typer.Option(envvar="EVENHAND_URL", help="The server.", show_envvar=True)]
Token = Annotated[
    str | None, typer.Option(envvar="EVENHAND_TOKEN", help="A token; the variable keeps it off the process list.")
]
Name = Annotated[str, typer.Argument(help="The controller's name.")]
LOCAL = "http://localhost:8000"


@controller.command("create")
def create(
    config: Annotated[Path, typer.Argument(help="Your configuration (YAML or TOML), as for own data.")],
    name: Annotated[str, typer.Option(help="Another name than the configuration's.")] = "",
    url: Url = LOCAL,
    token: Token = None,
) -> None:
    """Create a controller; the sites are listed in the configuration, or found in its tables.

    Example:

      evenhand controller create my-sites.yaml
    """
    from evenhand.service.sending import source_of

    made = source_of(config)
    shown = _ask(url, token, "POST", "/v1/controllers", {**made, **({"name": name} if name else {})})
    print(f"{shown['name']}: {len(shown['sites'])} sites, {shown['policy']}, round {shown['rounds']} is next")


@controller.command("configure")
def configure(
    config: Annotated[Path, typer.Argument(help="The changed configuration.")],
    name: Annotated[str, typer.Option(help="Another name than the configuration's.")] = "",
    url: Url = LOCAL,
    token: Token = None,
) -> None:
    """Change staleness, bounds, kill switch or policy of a controller."""
    from evenhand.service.client import path_of
    from evenhand.service.sending import source_of

    made = source_of(config)
    shown = _ask(url, token, "PUT", path_of(name or made["name"]), made)
    print(f"{shown['name']}: version {shown['version']}")


@controller.command("list")
def list_(
    url: Url = LOCAL,
    token: Token = None,
    format_: Annotated[str, typer.Option("--format", help="table or json on stdout.")] = "table",
) -> None:
    """List controllers."""
    choice("--format", format_, ("table", "json"))
    found: list[dict[str, Any]] = _ask(url, token, "GET", "/v1/controllers")["controllers"]
    if format_ == "json":
        print(json.dumps(found, indent=2))
        return
    rows = [(c["name"], str(len(c["sites"])), c["policy"], str(c["rounds"]), _standing(c)) for c in found]
    print_table(f"{len(found)} controllers", ("name", "sites", "policy", "rounds", "state"), rows)


@controller.command("show")
def show(name: Name, url: Url = LOCAL, token: Token = None) -> None:
    """Show a controller: its configuration and its state, as JSON."""
    from evenhand.service.client import path_of

    shown = _ask(url, token, "GET", path_of(name))
    print(json.dumps({**shown, "state": _ask(url, token, "GET", path_of(name, "state"))}, indent=2))


@controller.command("pause")
def pause(name: Name, url: Url = LOCAL, token: Token = None) -> None:
    """The kill switch: every decision holds the last action until the controller is resumed."""
    _post(name, "pause", url, token)


@controller.command("resume")
def resume(name: Name, url: Url = LOCAL, token: Token = None) -> None:
    """Decide again."""
    _post(name, "resume", url, token)


@controller.command("delete")
def delete(name: Name, url: Url = LOCAL, token: Token = None) -> None:
    """Delete a controller. Its ledger stays in the database, its name is free."""
    from evenhand.service.client import path_of

    _ask(url, token, "DELETE", path_of(name))
    print(f"{name}: deleted")


def _post(name: str, what: str, url: str, token: str | None) -> None:
    from evenhand.service.client import path_of

    state = _ask(url, token, "POST", path_of(name, what))
    print(f"{name}: {'paused, the last action is held' if state['held'] else 'decides'}")


def _ask(url: str, token: str | None, method: str, path: str, data: dict[str, Any] | None = None) -> Any:
    from evenhand.service.client import Client

    with closing(Client(url, token)) as client:
        return client.ask(method, path, data)


def _standing(shown: dict[str, Any]) -> str:
    return "paused" if shown["held"] else "open" if shown["open"] else "settled"
