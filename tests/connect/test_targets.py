"""Each target against a fake as strict as the real one: what is sent exactly, what stays as it was, what is refused."""

from __future__ import annotations

import copy
import json

import pytest

from connect.cases import ABOUT, ROUTE, SITES, at, bring, changes, plan, route
from connect.loopback import Loopback
from evenhand.connect.apportion import Guard
from evenhand.connect.config import kinds_of
from evenhand.connect.targets.file import File
from evenhand.connect.targets.httproute import HttpRoute
from evenhand.connect.targets.webhook import Webhook
from evenhand.errors import EvenhandError, InfeasibleError, ProblemError, RefusedError

BACKENDS = {"north": "shop-north", "south": "shop-south"}


def the_route(server, **changes):
    given = {"name": "shop", "namespace": "shop", "rule": "split", "backends": BACKENDS, "force": True}
    return HttpRoute(server=at(server), **{**given, **changes})


class TestHttpRoute:
    def test_weights_sum_to_what_they_did_and_the_rest_is_as_it_was(self, cluster, kubernetes, link):
        before = copy.deepcopy(cluster.objects[ROUTE]["spec"])
        (one,) = bring(the_route(kubernetes), link, {"north": 1.0, "south": 2.0})
        assert one.told == "HTTPRoute shop/shop: shop-north 500 → 333, shop-south 500 → 667"
        refs = before["rules"][1]["backendRefs"]
        refs[0]["weight"], refs[1]["weight"] = 333, 667
        assert cluster.objects[ROUTE]["spec"] == before
        patch = changes(kubernetes)[0]
        assert patch.headers["content-type"] == "application/apply-patch+yaml"
        assert patch.json == {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": {"name": "shop", "namespace": "shop", "resourceVersion": "101"},
            "spec": {"rules": before["rules"]},
        }
        assert bring(the_route(kubernetes), link, {"north": 1.0, "south": 2.0}) == ()
        assert len(changes(kubernetes)) == 1

    def test_without_force_the_manager_of_the_list_is_named(self, cluster, kubernetes, link):
        target = the_route(kubernetes, force=False)
        with pytest.raises(ProblemError, match=r'managed by "kubectl".*set force: true') as stop:
            bring(target, link, {"north": 1.0, "south": 2.0})
        assert "\n" not in str(stop.value)
        bring(the_route(kubernetes), link, {"north": 1.0, "south": 2.0})
        bring(target, link, {"north": 2.0, "south": 1.0})  # it is evenhand's now
        assert cluster.owners[ROUTE]["spec.rules"] == {"evenhand"}
        assert cluster.owners[ROUTE]["spec.parentRefs"] == {"kubectl"}

    def test_an_edit_in_between_is_not_overwritten(self, cluster, kubernetes, link):
        target = the_route(kubernetes)
        sendings = plan(target, link, {"north": 1.0, "south": 2.0})
        cluster.edit(ROUTE, lambda spec: spec["rules"].pop(0))
        with pytest.raises(ProblemError, match="changed by somebody else meanwhile"):
            target.send(link, sendings[0])
        assert len(cluster.objects[ROUTE]["spec"]["rules"]) == 1
        assert bring(target, link, {"north": 1.0, "south": 2.0})

    def test_other_backends_keep_their_share(self, cluster, kubernetes, link):
        spec = route(400, 400)
        spec["rules"][1]["backendRefs"].append({"name": "canary", "port": 80, "weight": 200})
        cluster.put(ROUTE, spec)
        with pytest.raises(ProblemError, match="total is 1000, the weights sum to 800, and 1 other backends"):
            plan(the_route(kubernetes, total=1000), link, {"north": 1.0, "south": 3.0})
        bring(the_route(kubernetes), link, {"north": 1.0, "south": 3.0})
        weights = [ref["weight"] for ref in cluster.objects[ROUTE]["spec"]["rules"][1]["backendRefs"]]
        assert weights == [200, 600, 200]

    def test_a_weight_left_out_is_one(self, cluster, kubernetes, link):
        spec = route()
        for ref in spec["rules"][1]["backendRefs"]:
            del ref["weight"]
        cluster.put(ROUTE, spec)
        target = the_route(kubernetes, total=100)
        assert target.present(link, SITES).values == {"north": 1.0, "south": 1.0}
        bring(target, link, {"north": 1.0, "south": 3.0})
        assert [ref["weight"] for ref in cluster.objects[ROUTE]["spec"]["rules"][1]["backendRefs"]] == [25, 75]

    def test_the_same_service_twice_needs_its_port(self, cluster, kubernetes, link):
        spec = route()
        spec["rules"][1]["backendRefs"] = [
            {"name": "shop", "port": 80, "weight": 5},
            {"name": "shop", "port": 81, "weight": 5},
        ]
        cluster.put(ROUTE, spec)
        with pytest.raises(ProblemError, match="is there twice: write name:port"):
            plan(the_route(kubernetes, backends={"north": "shop", "south": "shop:81"}), link, {"north": 1, "south": 1})
        bring(the_route(kubernetes, backends={"north": "shop:80", "south": "shop:81"}), link, {"north": 1, "south": 4})
        assert [ref["weight"] for ref in cluster.objects[ROUTE]["spec"]["rules"][1]["backendRefs"]] == [2, 8]

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"name": "shops"}, "HTTPRoute shop/shops is not there"),
            ({"rule": 2}, "has 2 rules: rule 2 is none of them"),
            ({"rule": "main"}, "has no rule named 'main'"),
            ({"rule": 0}, "backend 'shop-north' of 'north' is none of files:80"),
            ({"backends": {"north": "shop-north"}}, "'south' has no backend"),
        ],
    )
    def test_what_is_not_there(self, kubernetes, link, changed, words):
        with pytest.raises(ProblemError, match=words):
            the_route(kubernetes, **changed).present(link, SITES)

    def test_a_token_that_is_not_accepted(self, kubernetes, link, monkeypatch):
        monkeypatch.setenv("KUBE_TOKEN", "abracadabra")
        with pytest.raises(ProblemError, match=r"may not be read \(401\)") as stop:
            the_route(kubernetes).present(link, SITES)
        assert "abracadabra" not in str(stop.value)

    def test_the_guard_bounds_what_is_sent(self, cluster, kubernetes, link):
        target = the_route(kubernetes, guard=Guard(least=100, most=900, max_change=50))
        for expected in ([450, 550], [400, 600]):
            bring(target, link, {"north": 0.0, "south": 5.0})
            assert [ref["weight"] for ref in cluster.objects[ROUTE]["spec"]["rules"][1]["backendRefs"]] == expected
        still = the_route(kubernetes, guard=Guard(ignore_below=30))
        assert plan(still, link, {"north": 421.0, "south": 579.0}) == ()
        with pytest.raises(InfeasibleError, match="every site gets 0"):
            plan(target, link, {"north": 0.0, "south": 0.0})

    def test_the_fake_refuses_what_the_api_does(self, cluster, kubernetes, link):
        """So that a test that passes says something."""
        (one,) = plan(the_route(kubernetes), link, {"north": 1.0, "south": 2.0})

        def patch(change=lambda body: None, query=one.query, form=one.form):
            body = copy.deepcopy(one.body)
            change(body)
            with pytest.raises(RefusedError) as stop:
                link.ask(at(kubernetes), "PATCH", ROUTE, query, body, form)
            return stop.value.status

        def ref(**changes):
            return lambda body: body["spec"]["rules"][1]["backendRefs"][0].update(changes)

        assert patch(ref(weight=1_000_001)) == 422
        assert patch(ref(weight=-1)) == 422
        assert patch(ref(weight=1.5)) == 422
        assert patch(ref(wieght=1)) == 500
        assert patch(query={"force": "true"}) == 422
        assert patch(form="application/json") == 415
        assert patch(lambda body: body["metadata"].update(name="other")) == 400
        assert patch(lambda body: body["metadata"].update(resourceVersion="1")) == 409
        assert patch(query={**one.query, "force": "false"}) == 409


class TestFileAndWebhook:
    def test_a_file_is_written_whole_where_it_changes(self, link, tmp_path):
        target = File(path="split.json")
        bring(target, link, {"north": 1.0, "south": 3.0})
        told = json.loads((tmp_path / "split.json").read_text())
        assert told == {**ABOUT, "action": {"north": 1.0, "south": 3.0}, "share": {"north": 0.25, "south": 0.75}}
        assert bring(target, link, {"north": 1.0, "south": 3.0}) == ()
        assert target.present(link, SITES).work(99.0) == {"north": 1.0, "south": 3.0}
        (tmp_path / "split.json").write_text("[]")
        with pytest.raises(ProblemError, match="holds no action of evenhand"):
            target.present(link, SITES)

    def test_a_file_within_its_guard_keeps_the_sum(self, link):
        target = File(path="split.json", guard=Guard(least=0.5, most=3.0))
        (one,) = plan(target, link, {"north": 0.0, "south": 3.5})
        assert one.body["action"] == {"north": 0.5, "south": 3.0}

    def test_a_webhook(self, link):
        held = {}

        def answer(asked):
            if asked.method == "GET":
                return 200, {"action": held.get("action", {})}
            held.update(asked.json)
            return 204, None

        with Loopback(answer) as server:
            blind = Webhook(server=at(server), path="hooks/split")
            assert len(bring(blind, link, {"north": 1.0, "south": 3.0})) == 1
            assert len(bring(blind, link, {"north": 1.0, "south": 3.0})) == 1
            assert changes(server)[0].path == "/hooks/split"
            assert changes(server)[0].headers["authorization"] == "Bearer sesame"
            seeing = Webhook(server=at(server), path="hooks/split", method="PUT", reads="hooks/split")
            assert bring(seeing, link, {"north": 1.0, "south": 3.0}) == ()
            assert len(bring(seeing, link, {"north": 2.0, "south": 3.0})) == 1
            assert held["round"] == 3


def test_every_kind_is_found_by_itself():
    assert set(kinds_of("targets")) == {"httproute", "litellm", "kueue-weight", "kueue-quota", "file", "webhook"}
    assert set(kinds_of("sources")) == {"prometheus", "http", "table"}


def test_errors_are_one_line(kubernetes, link):
    for changed in ({"name": "no\nroute"}, {"rule": "x\ny"}):
        with pytest.raises(EvenhandError) as stop:
            the_route(kubernetes, **changed).present(link, SITES)
        assert "\n" not in str(stop.value)
