"""Kueue: weights that are never 0, quotas whose sum never grows by rounding; against a fake as strict as the real one."""

from __future__ import annotations

import pytest

from connect.cases import SITES, at, bring, changes, plan
from connect.fakes import Kubernetes, number
from connect.loopback import Loopback
from evenhand.connect.apportion import Guard
from evenhand.connect.link import Server
from evenhand.connect.targets.kueue_quota import KueueQuota
from evenhand.connect.targets.kueue_weight import KueueWeight
from evenhand.errors import ProblemError, RefusedError

QUEUE = "/apis/kueue.x-k8s.io/v1beta1/clusterqueues/"


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
