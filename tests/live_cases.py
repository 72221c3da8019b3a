"""Controllers and observations that the tests of this folder share."""

import json

import numpy as np

from evenhand.live.configure import controller_from
from evenhand.live.observation import observe
from evenhand.registry import from_plain, to_plain

CONFIG = {
    "name": "pair",
    "sites": ["north", "south"],
    "demand": "demand",
    "capacity": {"sites": {"north": 5, "south": 8}},
    "linear": "price",
    "curvature": 2.0,
    "beta": 4.0,
    "burdens": [{"signal": "carbon", "name": "carbon", "weight": 0.5}],
    "policy": "FairOBD(eta=0.01, domain='ball')",
}


def controller(**changes):
    return controller_from({**CONFIG, **changes})


def data(time=0, demand=7.0, linear=(41.0, 58.0), carbon=(3.0, 1.0), **more):
    """One observation as JSON."""
    north, south = linear
    return {
        "time": time,
        "demand": demand,
        "linear": {"north": north, "south": south},
        "burdens": {"carbon": {"north": carbon[0], "south": carbon[1]}},
        **more,
    }


def seen(controller, *args, **more):
    return observe(controller.sites, data(*args, **more))


def again(value):
    """A record after JSON."""
    return from_plain(json.loads(json.dumps(to_plain(value), allow_nan=False)))


def same(one, other):
    """Bit for bit."""
    assert json.dumps(to_plain(one)) == json.dumps(to_plain(other))


def kinds(record):
    return [note.kind for note in record.notes]


ZERO = np.zeros(2)
