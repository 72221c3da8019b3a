"""LiteLLM proxy: the weights of every deployment of a model group, for its simple-shuffle routing.

What its servers do, and what is done about it: a deployment without a weight counts as 0 as soon as the first one has a
weight, so all get theirs; where all that are healthy have 0 the router fails, so the least weight is 1; POST
/model/update drops stored parameters that its request model does not declare, and resets switches that are left out, so
both are sent back as they were read. Models must be in the proxy's database, not in its configuration file.
Source: https://docs.litellm.ai/docs/proxy/model_management, /docs/proxy/load_balancing
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, final
from urllib.parse import quote

from pydantic import ConfigDict, Field

from evenhand.connect.apportion import MOST, Guard, guarded_weights
from evenhand.connect.link import At, Link
from evenhand.connect.records import Present, Sending
from evenhand.errors import ProblemError

__all__ = ["LiteLlm"]

#: parameters that the request model has declared for long, so that an update keeps them when they are left out
DECLARED = frozenset(
    """model custom_llm_provider tpm rpm timeout stream_timeout max_retries organization api_key api_base api_version
    configurable_clientside_auth_params litellm_credential_name litellm_trace_id max_file_size_mb max_budget
    budget_duration region_name vertex_project vertex_location vertex_credentials aws_access_key_id
    aws_secret_access_key aws_region_name watsonx_region_name input_cost_per_token output_cost_per_token
    input_cost_per_second output_cost_per_second model_info mock_response""".split()  # noqa: SIM905
)


@final
@dataclass(frozen=True, slots=True)
class LiteLlm:
    """A model group; deployments: site -> id of its deployment (model_info.id), every one of the group.

    total: what the weights sum to. endpoint: update is POST /model/update, patch is PATCH /model/{id}/update.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    known_as: ClassVar[str] = "litellm"
    server: At
    group: str
    deployments: Mapping[str, str]
    total: Annotated[int, Field(ge=1, le=MOST)] = 1000
    endpoint: Literal["update", "patch"] = "update"
    guard: Guard = Guard(least=1)

    def __post_init__(self) -> None:
        if len(set(self.deployments.values())) < len(self.deployments) or not self.deployments:
            raise ValueError("deployments name each site's deployment, and each once")

    def present(self, link: Link, sites: tuple[str, ...]) -> Present:
        """What the router goes by now: weights, else rpm, else tpm, else equal parts.

        Raises ProblemError for a group that has other deployments than those named.
        """
        found = self._group(link)
        for site in sites:
            if self.deployments.get(site) not in found:
                raise ProblemError(f"{self.group!r}: {site!r} has no deployment: name one of {', '.join(found)}")
        extra = sorted(set(found) - {self.deployments[site] for site in sites})
        if extra:
            raise ProblemError(
                f"{self.group!r} has more deployments, {', '.join(extra)}: each needs a site, or it gets 0"
            )
        first = next(iter(found.values()))
        by = next((key for key in ("weight", "rpm", "tpm") if first.get(key) is not None), None)
        values = {s: 1.0 if by is None else float(found[self.deployments[s]].get(by) or 0) for s in sites}
        return Present(values, True, (found, by))

    def plan(self, present: Present, action: Mapping[str, float], about: Mapping[str, Any]) -> tuple[Sending, ...]:
        """One update for every deployment whose weight changes, those that gain first."""
        found, by = present.held
        now = {site: value for site, value in present.values.items() if by == "weight"}
        weights = guarded_weights(self.guard, action, now, self.total)
        if weights is None:
            return ()
        changed = [site for site, weight in weights.items() if now.get(site) != weight]
        changed.sort(key=lambda site: now.get(site, 0.0) - weights[site])
        return tuple(self._update(site, weights[site], found, now) for site in changed)

    def send(self, link: Link, sending: Sending) -> None:
        """Send it. Raises RefusedError in the proxy's words."""
        link.ask(self.server, sending.method, sending.to, None, sending.body)

    def _update(
        self, site: str, weight: int, found: Mapping[str, Mapping[str, Any]], now: Mapping[str, float]
    ) -> Sending:
        model = self.deployments[site]
        kept = {name: value for name, value in found[model].items() if self._lost(name, value)}
        masked = sorted(name for name, value in kept.items() if "**" in str(value))
        if masked:
            raise ProblemError(
                f"{self.group!r}: an update would lose {', '.join(masked)} of {model!r}, which the proxy shows masked: "
                "set endpoint: patch"
            )
        told = f"LiteLLM {self.group}: {model} {f'{now[site]:g}' if site in now else 'no weight'} → {weight}"
        shown = {"litellm_params": {**dict.fromkeys(kept, "(as it is)"), "weight": weight}}
        body: dict[str, Any] = {"litellm_params": {**kept, "weight": weight}}
        if self.endpoint == "patch":
            return Sending(told, "PATCH", f"model/{quote(model, safe='')}/update", body, shown=shown)
        which = {"model_info": {"id": model}}
        return Sending(told, "POST", "model/update", {**which, **body}, shown={**which, **shown})

    def _lost(self, name: str, value: Any) -> bool:
        """Whether a parameter must be sent along to be kept: a switch that is on, and what is not declared."""
        if name == "weight" or value is None:
            return False
        return value is True or (self.endpoint == "update" and name not in DECLARED and value is not False)

    def _group(self, link: Link) -> dict[str, Mapping[str, Any]]:
        """Parameters of the group's deployments by id, in the router's order."""
        try:
            models = link.ask(self.server, "GET", "model/info")["data"]
            mine = [model for model in models if model["model_name"] == self.group]
            found = {str(model["model_info"]["id"]): model["litellm_params"] for model in mine}
            stored = {str(model["model_info"]["id"]): model["model_info"].get("db_model") for model in mine}
        except (KeyError, TypeError):
            raise ProblemError(
                f"{self.server.url} does not answer as a LiteLLM proxy does: is it the right address?"
            ) from None
        if not found:
            raise ProblemError(f"{self.group!r} is no model group of {self.server.url}: check its name")
        fixed = [name for name, there in stored.items() if there is False]
        if fixed:
            raise ProblemError(
                f"{self.group!r}: {', '.join(fixed)} stands in the proxy's configuration file, where weights cannot be "
                "changed: store it in the database (/model/new)"
            )
        return found
