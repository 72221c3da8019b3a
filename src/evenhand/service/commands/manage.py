"""Create, configure, pause, resume and delete a controller; each leaves an audit entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, final

from sqlalchemy import func, select

from evenhand.errors import ParameterError, UnknownNameError, shown
from evenhand.live.configure import controller_from
from evenhand.live.controller import reconfigure
from evenhand.live.ledger import text_of
from evenhand.live.records import Controller, State
from evenhand.live.replaying import opened
from evenhand.own.episodes import Own
from evenhand.registry import catalogue, lookup, to_plain
from evenhand.service.errors import ConflictError
from evenhand.service.records import Standing, digest, json_of
from evenhand.service.store.batch import Batch
from evenhand.service.store.schema import configurations, controllers, states

__all__ = ["Configure", "Create", "Delete", "Hold", "made"]


def made(name: str, source: Mapping[str, Any]) -> Controller:
    """The controller of a configuration, or of a shipped scenario, under its name; no file of a request is read.

    Raises as `controller_from`; UnknownNameError for a scenario that is not shipped.
    """
    scenario = source.get("scenario")
    if scenario is None:
        return controller_from({**source, "name": name})
    for key in source:
        if key not in ("scenario", "name", "policy"):
            raise UnknownNameError("key beside scenario", str(key), ("name", "policy"))
    policy = source.get("policy")
    if not isinstance(policy, str | None):
        raise ParameterError(f"policy is {shown(policy)}: write Name(parameter=value)")
    if lookup("scenarios", str(scenario)) is Own:
        raise UnknownNameError("scenario", "own", [c for c in catalogue("scenarios") if c != "Own"])
    return replace(opened(str(scenario), policy)[0], name=name)


@final
@dataclass(frozen=True, slots=True)
class Create:
    """A new controller. The same configuration under the same name again changes nothing."""

    name: str
    source: Mapping[str, Any]
    controller: Controller
    state: State
    who: str
    keys: tuple[str, ...] = ()

    def run(self, batch: Batch) -> tuple[Standing, bool]:
        """Where it stands, and whether it is new. Raises ConflictError for another one of that name."""
        run = batch.connection.execute
        if self.name in batch.standing:
            there = batch.of(self.name)
            if text_of(replace(there.controller, held=self.controller.held)) != text_of(self.controller):
                raise ConflictError(
                    f"{self.name!r} exists with another configuration: change it with PUT, or delete it first",
                    {"name": self.name, "version": there.configuration},
                )
            return there, False
        source, body, state = json_of(self.source), text_of(self.controller), json_of(to_plain(self.state))
        id = run(controllers.insert().values(name=self.name, created=batch.now)).inserted_primary_key
        assert id is not None
        before = Standing(int(id[0]), self.name, 0, 1, self.controller, self.state)
        after = replace(before, version=1)
        _version(batch, before, source, body, 1)
        run(states.insert().values(controller=before.id, version=0, configuration=1, body=state))
        batch.add_events(before, after, ("created", None))
        batch.add_audit(self.who, "create", self.name, digest(self.source))
        return after, True


@final
@dataclass(frozen=True, slots=True)
class Configure:
    """Change a configuration: staleness, bounds, kill switch, policy; the rest makes another controller."""

    name: str
    source: Mapping[str, Any]
    controller: Controller
    who: str
    keys: tuple[str, ...] = ()

    def run(self, batch: Batch) -> Standing:
        """Where it stands. Raises ProblemError as `reconfigure`."""
        before = batch.of(self.name)
        if text_of(before.controller) == text_of(self.controller):
            return before
        return _changed(batch, before, self.source, self.controller, self.who, "configure")


@final
@dataclass(frozen=True, slots=True)
class Hold:
    """Pause or resume: the kill switch. A paused controller goes on deciding, and every decision holds the action."""

    name: str
    held: bool
    who: str
    keys: tuple[str, ...] = ()

    def run(self, batch: Batch) -> Standing:
        """Where it stands."""
        before = batch.of(self.name)
        if before.controller.held == self.held:
            return before
        what = "pause" if self.held else "resume"
        return _changed(batch, before, None, replace(before.controller, held=self.held), self.who, what)


@final
@dataclass(frozen=True, slots=True)
class Delete:
    """Give the name back. The ledger stays in the database."""

    name: str
    who: str
    keys: tuple[str, ...] = ()

    def run(self, batch: Batch) -> None:
        """Delete it. Raises MissingError."""
        before = batch.of(self.name)
        batch.add_events(before, replace(before, version=before.version + 1), ("deleted", None))
        run = batch.connection.execute
        run(controllers.update().where(controllers.c.id == before.id).values(deleted=batch.now))
        batch.add_audit(self.who, "delete", self.name, str(before.id))
        batch.leave(before)


def _changed(
    batch: Batch, before: Standing, source: Mapping[str, Any] | None, controller: Controller, who: str, what: str
) -> Standing:
    state = reconfigure(before.controller, before.state, controller)
    newest = select(func.max(configurations.c.version)).where(configurations.c.controller == before.id)
    version = int(batch.connection.execute(newest).scalar_one()) + 1
    if source is None:
        mine = (configurations.c.controller == before.id) & (configurations.c.version == before.configuration)
        text: str = batch.connection.execute(select(configurations.c.source).where(mine)).scalar_one()
    else:
        text = json_of(source)
    _version(batch, before, text, text_of(controller), version)
    after = replace(before, version=before.version + 1, configuration=version, controller=controller, state=state)
    batch.add_events(before, after, ("configured", None))
    batch.add_audit(who, what, before.name, f"version {version}")
    return after


def _version(batch: Batch, standing: Standing, source: str, body: str, version: int) -> None:
    row = {"controller": standing.id, "version": version, "created": batch.now}
    batch.connection.execute(configurations.insert(), [{**row, "source": source, "body": body}])
