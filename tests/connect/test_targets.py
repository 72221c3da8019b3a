"""Each target against a fake as strict as the real one: what is sent exactly, what stays as it was, what is refused."""

from __future__ import annotations

import copy
import json

import pytest

from connect.cases import ROUTE, route
from connect.fakes import Kubernetes, LiteLlm, number
from connect.loopback import Loopback
from evenhand.connect.apportion import Guard
from evenhand.connect.config import kinds_of
from evenhand.connect.link import Link, Patience, RefusedError, Server
from evenhand.connect.targets.file import File
from evenhand.connect.targets.httproute import HttpRoute
from evenhand.connect.targets.kueue_quota import KueueQuota
from evenhand.connect.targets.kueue_weight import KueueWeight
from evenhand.connect.targets.litellm import LiteLlm as Proxy
from evenhand.connect.targets.webhook import Webhook
from evenhand.errors import EvenhandError, InfeasibleError, ProblemError

SITES = ("north", "south")
ABOUT = {"controller": "shop", "round": 3, "time": "2026-05-10T04:00:00Z"}
QUEUE = "/apis/kueue.x-k8s.io/v1beta1/clusterqueues/"


@pytest.fixture
def link(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBE_TOKEN", "sesame")
    monkeypatch.setenv("LITELLM_KEY", "sk-master")
    made = Link(tmp_path, Patience(60.0, 3, 0.0), sleep=lambda _: None)
    yield made
    made.close()


def plan(target, link, action, sites=SITES):
    return target.plan(target.present(link, sites), action, ABOUT)


def bring(target, link, action, sites=SITES):
    """Plan and send; the requests."""
    sendings = plan(target, link, action, sites)
    for one in sendings:
        target.send(link, one)
    return sendings


def at(server, env="KUBE_TOKEN", **more):
    return Server(server.url, token_env=env, **more)


def changes(server):
    return [asked for asked in server.asked if asked.method != "GET"]


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


def queue(weight=None, cpu="9", **more):
    resources = [
        {"name": "cpu", "nominalQuota": cpu},
        {"name": "memory", "nominalQuota": "36Gi", "borrowingLimit": "4Gi"},
    ]
    group = {"coveredResources": ["cpu", "memory"], "flavors": [{"name": "default", "resources": resources}]}
    sharing = {} if weight is None else {"fairSharing": {"weight": weight}}
    return {"resourceGroups": [group], "cohort": "all", "namespaceSelector": {}, **sharing, **more}


@pytest.fixture
def queues():
    made = Kubernetes()
    made.put(f"{QUEUE}team-a", queue("1"))
    made.put(f"{QUEUE}team-b", queue(None, "10500m"))
    with Loopback(made) as server:
        yield made, server


NAMES = {"north": "team-a", "south": "team-b"}


class TestKueue:
    def test_weights_are_quantities_and_never_zero(self, queues, link):
        cluster, server = queues
        target = KueueWeight(server=at(server), queues=NAMES, total=10.0, force=True)
        assert target.present(link, SITES).values == {"north": 1.0, "south": 1.0}
        sendings = bring(target, link, {"north": 1.0, "south": 2.0})
        assert [one.told for one in sendings] == [
            "ClusterQueue team-b: weight 1 → 6.667",
            "ClusterQueue team-a: weight 1 → 3.333",
        ]
        assert [asked.json["spec"] for asked in changes(server)] == [
            {"fairSharing": {"weight": "6667m"}}, {"fairSharing": {"weight": "3333m"}}]  # fmt: skip
        bring(target, link, {"north": 0.0, "south": 2.0})
        specs = [cluster.objects[f"{QUEUE}{name}"]["spec"] for name in ("team-a", "team-b")]
        assert [spec["fairSharing"]["weight"] for spec in specs] == ["1m", "9999m"]
        assert {**specs[0], "fairSharing": None} == {**queue("1"), "fairSharing": None}
        bring(target, link, {"north": 1.0, "south": 1.0})
        assert [spec["fairSharing"]["weight"] for spec in (cluster.objects[f"{QUEUE}team-a"]["spec"],)] == ["5"]
        assert bring(target, link, {"north": 3.0, "south": 3.0}) == ()

    def test_a_weight_of_zero_cannot_be_configured(self):
        with pytest.raises(ValueError, match=r"guard\.least is below 0\.001"):
            KueueWeight(server=Server("https://k"), queues=NAMES, total=1.0, guard=Guard(least=0.0))

    def test_quotas_are_multiples_whose_sum_never_grows_by_rounding(self, queues, link):
        cluster, server = queues
        target = KueueQuota(server=at(server), queues=NAMES, resource="cpu", flavor="default", scale=2.0, force=True)
        assert target.present(link, SITES).values == {"north": 4.5, "south": 5.25}
        sendings = bring(target, link, {"north": 3.25, "south": 6.25})  # 6.5 and 12.5 cpu: 19 together
        assert [one.told for one in sendings] == [
            "ClusterQueue team-a: cpu of default 9 → 7", "ClusterQueue team-b: cpu of default 10.5 → 12"]  # fmt: skip
        specs = [cluster.objects[f"{QUEUE}{name}"]["spec"] for name in ("team-a", "team-b")]
        assert specs == [queue("1", "7"), queue(None, "12")]
        assert plan(target, link, {"north": 3.25, "south": 6.25}) == ()
        fine = KueueQuota(server=at(server), queues=NAMES, resource="cpu", flavor="default", step=0.25, force=True)
        bring(fine, link, {"north": 7.3, "south": 11.6})
        quotas = [
            cluster.objects[f"{QUEUE}{n}"]["spec"]["resourceGroups"][0]["flavors"][0]["resources"][0]
            for n in NAMES.values()
        ]
        assert [quota["nominalQuota"] for quota in quotas] == ["7250m", "11500m"]

    def test_weight_and_quota_of_one_queue_do_not_take_each_other_away(self, queues, link):
        """A field manager that leaves out what it applied before takes it away."""
        cluster, server = queues
        weight = KueueWeight(server=at(server), queues=NAMES, total=10.0, force=True)
        quota = KueueQuota(server=at(server), queues=NAMES, resource="cpu", flavor="default", force=True)
        bring(quota, link, {"north": 4.0, "south": 5.0})
        bring(weight, link, {"north": 4.0, "south": 5.0})
        bring(quota, link, {"north": 5.0, "south": 4.0})
        spec = cluster.objects[f"{QUEUE}team-a"]["spec"]
        assert spec == queue("4444m", "5")

    def test_what_is_not_there(self, queues, link):
        _, server = queues
        given = {"server": at(server), "queues": NAMES, "resource": "cpu", "flavor": "default"}
        for changed, words in (
            ({"flavor": "spot"}, "ClusterQueue team-a has no 'cpu' of flavor 'spot'"),
            ({"queues": {"north": "team-a", "south": "team-c"}}, "ClusterQueue team-c is not there"),
            ({"queues": {"north": "team-a"}}, "'south' has no ClusterQueue"),
        ):
            with pytest.raises(ProblemError, match=words):
                KueueQuota(**{**given, **changed}).present(link, SITES)

    def test_the_fake_refuses_what_kueue_does(self, queues, link):
        _, server = queues
        target = KueueWeight(server=at(server), queues=NAMES, total=10.0, force=True)
        one = plan(target, link, {"north": 1.0, "south": 2.0})[0]

        def patch(spec):
            with pytest.raises(RefusedError) as stop:
                link.ask(at(server), "PATCH", one.to, one.query, {**one.body, "spec": spec}, one.form)
            return stop.value.status

        assert patch({"fairSharing": {"weight": "1n"}}) == 403
        assert patch({"fairSharing": {"weight": "-1"}}) == 403
        assert patch({"fairSharing": {"weight": "two"}}) == 422
        assert patch({"fairSharing": {"wait": "2"}}) == 500
        assert patch({"resourceGroups": [{"coveredResources": ["cpu"], "flavors": []}]}) == 422

    @pytest.mark.parametrize(
        "text", ["1", "0.5", "500m", "2k", "1Ki", "3Gi", "1e3", "5E-1", "12E", "1n", "+4", ".25", "7.", "250u", "1M"]
    )
    def test_quantities_are_read_as_kubernetes_does(self, text):
        from evenhand.connect.kueue import number as ours

        assert ours(text) == pytest.approx(number(text), rel=1e-15)

    @pytest.mark.parametrize("text", ["", "two", "1 Gi", "1kk", "0x1", True, None, "1e", "--1"])
    def test_what_is_no_quantity(self, text):
        from evenhand.connect.kueue import number as ours

        with pytest.raises(ProblemError, match="is no quantity"):
            ours(text)


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
