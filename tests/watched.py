"""Controllers to look at on the page: many sites with quotas, two burdens with a memory, a shadow, odd names."""

from __future__ import annotations

import math
import random

from serving import POLICY, week

ODD = ("<b>north</b>", '"><script>window.hit = 1</script>', "南 & 東", "a" * 60)
TEAMS = [
    "ads",
    "billing",
    "catalog",
    "data-eng",
    "fraud",
    "geo",
    "home",
    "insights",
    "jobs",
    "kernels",
    "ledger",
    "maps",
    "nlp",
    "ops",
    "payments",
    "quality",
    "ranking",
    "search",
    "training",
    "vision",
]
PAIR = {
    "sites": ["north", "south", "west"],
    "demand": "demand",
    "capacity": {"sites": {"north": 5, "south": 8, "west": 6}},
    "linear": "price",
    "beta": 4.0,
    "mu": 3,
    "memory": {"half_life": 24},
    "burdens": [{"signal": "carbon", "name": "carbon", "weight": 0.5}, {"signal": "water", "name": "water"}],
    "units": {"price": "$/unit", "carbon": "kg/unit", "water": "l/unit"},
    "policy": "FairOBD(eta=0.002, domain='ball')",
}


def create(server, name, source):
    told = server.ask("POST", "/v1/controllers", {**source, "name": name})
    assert told.status in (200, 201), told.text


def post_all(server, name, rounds):
    for k in range(0, len(rounds), 50):
        told = server.ask("POST", f"/v1/controllers/{name}/rounds/batch", {"rounds": rounds[k : k + 50]})
        assert told.status == 200, told.text
        assert told.json["error"] is None, told.text


def geo7(server, name="geo7", count=168):
    """A real week of seven data centres, settled to its end."""
    server.create(name, POLICY)
    rounds, _ = week()
    post_all(server, name, rounds[:count])
    server.ask("POST", f"/v1/controllers/{name}/rounds/{count - 1}/settle", {})


def tenants(server, name="tenants", count=192):
    """Twenty teams on one cluster, each with its quota, busy and quiet by turns."""
    draw = random.Random(7)
    teams = [f"team-{team}" for team in TEAMS]
    size = {team: draw.uniform(2, 9) for team in teams}
    quota = {team: 100 * one / sum(size.values()) for team, one in size.items()}
    source = {
        "sites": teams,
        "demand": 100,
        "capacity": {"sites": {team: 4 * one for team, one in quota.items()}},
        "linear": "cost",
        "curvature": {"sites": {team: 8 / one for team, one in quota.items()}},
        "beta": 0.4,
        "mu": 30,
        "burdens": [{"signal": 1.0, "name": "share", "quota": {"sites": quota}}],
        "units": {"demand": "% of the cluster", "share": "%"},
        "policy": "AdaptiveFairOBD",
    }
    create(server, name, source)
    busy, rounds = dict.fromkeys(teams, True), []
    for t in range(count):
        busy = {team: one != (draw.random() < 0.1) for team, one in busy.items()}
        cost = {team: (20 if busy[team] else 44) + draw.gauss(0, 2) for team in teams}
        rounds.append({"time": f"2026-05-{10 + t // 24:02d}T{t % 24:02d}:00Z", "linear": cost})
    post_all(server, name, rounds)


def seen(t, sites=("north", "south", "west")):
    """What is observed in a quarter of an hour."""
    low = [41 + 10 * math.sin(t / 9), 58 - 6 * math.sin(t / 5), 50.0, 45.0]
    carbon = [310 + 60 * math.sin(t / 20), 125.0, 220.0, 180.0]
    water = [1.2, 3.2, 2.0, 1.0]
    by = [dict(zip(sites, values, strict=False)) for values in (low, carbon, water)]
    return {
        "time": f"2026-05-{10 + t // 96:02d}T{t // 4 % 24:02d}:{15 * (t % 4):02d}Z",
        "demand": 7 + 3 * math.sin(t / 4),
        "linear": by[0],
        "burdens": {"carbon": by[1], "water": by[2]},
    }


def shadow(server, name="shadow", count=96):
    """What was applied differs from what was decided: a tenth of what north should get stays in the south."""
    create(server, name, PAIR)
    action = None
    for t in range(count):
        data = seen(t)
        if action is not None and t % 3:
            moved = {**action, "north": 0.9 * action["north"], "south": action["south"] + 0.1 * action["north"]}
            data["previous"] = {"applied": moved}
        action = server.post(data, name).json["action"]


def small(server):
    """No round, one round, a paused controller, odd names."""
    for name, count in (("no-round", 0), ("one-round", 1), ("paused", 12)):
        create(server, name, PAIR)
        for t in range(count):
            server.post(seen(t), name)
    server.ask("POST", "/v1/controllers/paused/pause")
    server.post({**seen(12), "demand": 9.0}, "paused")
    create(server, "odd", {**PAIR, "sites": ODD, "capacity": 5, "units": {}})
    for t in range(5):
        server.post(seen(t, ODD), "odd")
