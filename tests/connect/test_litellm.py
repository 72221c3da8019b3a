"""LiteLLM: every deployment of a group gets a weight and keeps the rest of what it has."""

from __future__ import annotations

import copy
import json

import pytest

from connect.cases import SITES, at, bring, changes, plan
from connect.fakes import LiteLlm
from connect.loopback import Loopback
from evenhand.connect.targets.litellm import LiteLlm as Proxy
from evenhand.errors import ProblemError, RefusedError


@pytest.fixture
def proxy():
    models = {
        "id-n": (
            "gpt",
            {"model": "azure/gpt", "api_base": "https://north", "api_key": "secret", "temperature": 0.2},
            True,
        ),
        "id-s": (
            "gpt",
            {"model": "azure/gpt", "api_base": "https://south", "use_in_pass_through": True, "rpm": 6},
            True,
        ),
        "other": ("claude", {"model": "anthropic/claude", "weight": 7}, True),
    }
    made = LiteLlm(models)
    with Loopback(made) as server:
        yield made, server


def the_group(server, **changes):
    given = {"group": "gpt", "deployments": {"north": "id-n", "south": "id-s"}, "total": 100}
    return Proxy(server=at(server, "LITELLM_KEY"), **{**given, **changes})


class TestLiteLlm:
    @pytest.mark.parametrize("endpoint", ["update", "patch"])
    def test_every_deployment_gets_a_weight_and_keeps_the_rest(self, proxy, link, endpoint):
        made, server = proxy
        before = copy.deepcopy(made.models)
        target = the_group(server, endpoint=endpoint)
        sendings = bring(target, link, {"north": 1.0, "south": 3.0})
        assert made.weights() == {"id-n": 25, "id-s": 75, "other": 7}
        for model, (_, params, _) in made.models.items():
            off = dict.fromkeys(
                ("use_in_pass_through", "use_litellm_proxy", "merge_reasoning_content_in_choices"), False
            )
            assert {**off, **params, "weight": 0} == {**off, **before[model][1], "weight": 0}, model
        assert {(asked.method, asked.path) for asked in changes(server)} == (
            {("POST", "/model/update")}
            if endpoint == "update"
            else {("PATCH", "/model/id-n/update"), ("PATCH", "/model/id-s/update")}
        )
        assert sendings[0].told == "LiteLLM gpt: id-s no weight → 75"
        assert bring(target, link, {"north": 1.0, "south": 3.0}) == ()
        (one,) = [s for s in bring(target, link, {"north": 1.0, "south": 1.0}) if "id-n" in s.told]
        assert one.told == "LiteLLM gpt: id-n 25 → 50"
        assert "0.2" not in json.dumps(one.plain)

    def test_what_the_router_goes_by(self, proxy, link):
        made, server = proxy
        assert the_group(server).present(link, SITES).work(8.0) == {"north": 4.0, "south": 4.0}
        made.models["id-n"][1]["rpm"] = 2
        assert the_group(server).present(link, SITES).work(8.0) == {"north": 2.0, "south": 6.0}
        made.models["id-n"][1]["weight"] = 5  # the other one has none, and counts as 0
        assert the_group(server).present(link, SITES).work(8.0) == {"north": 8.0, "south": 0.0}

    def test_no_weight_is_ever_zero(self, proxy, link):
        made, server = proxy
        bring(the_group(server), link, {"north": 0.0, "south": 3.0})
        assert made.weights() == {"id-n": 1, "id-s": 99, "other": 7}

    def test_masked_parameters_are_not_lost(self, proxy, link):
        made, server = proxy
        made.models["id-n"][1]["auth_extra"] = "do-not-tell"
        with pytest.raises(ProblemError, match=r"would lose auth_extra of 'id-n'.*set endpoint: patch"):
            plan(the_group(server), link, {"north": 1.0, "south": 3.0})
        bring(the_group(server, endpoint="patch"), link, {"north": 1.0, "south": 3.0})
        assert made.models["id-n"][1]["auth_extra"] == "do-not-tell"
        assert made.models["id-n"][1]["temperature"] == 0.2

    def test_what_is_refused(self, proxy, link):
        made, server = proxy
        for changed, words in (
            ({"group": "gtp"}, "'gtp' is no model group"),
            ({"deployments": {"north": "id-n"}}, "'south' has no deployment: name one of id-n, id-s"),
            ({"deployments": {"north": "id-n", "south": "x"}}, "'south' has no deployment"),
        ):
            with pytest.raises(ProblemError, match=words):
                the_group(server, **changed).present(link, SITES)
        with pytest.raises(ProblemError, match="'gpt' has more deployments, id-s"):
            the_group(server).present(link, ("north",))
        group, params, _ = made.models["id-n"]
        made.models["id-n"] = (group, params, False)
        with pytest.raises(ProblemError, match="id-n stands in the proxy's configuration file"):
            the_group(server).present(link, SITES)
        made.key = "another"
        with pytest.raises(RefusedError, match="401: 'Authentication Error, Invalid proxy server token passed'"):
            the_group(server).present(link, SITES)
