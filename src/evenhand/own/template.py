"""The template that `evenhand new-scenario` writes: a commented configuration and ten lines of sample data.

The numbers are invented: two sites, five hours, two burdens, so that it runs as it is and shows every usual key.
"""

from __future__ import annotations

from typing import Any

from evenhand.own.yaml import read_yaml

__all__ = ["DATA", "config_text", "sample"]

DATA = """\
time,site,demand,capacity,price,carbon,water
2024-05-10T00:00Z,north,6,5,40,300,1.2
2024-05-10T00:00Z,south,6,8,55,120,3.0
2024-05-10T01:00Z,north,8,5,38,320,1.2
2024-05-10T01:00Z,south,8,8,60,110,3.4
2024-05-10T02:00Z,north,11,5,42,350,1.3
2024-05-10T02:00Z,south,11,8,70,130,3.9
2024-05-10T03:00Z,north,9,5,45,340,1.3
2024-05-10T03:00Z,south,9,8,66,140,3.7
2024-05-10T04:00Z,north,7,5,41,310,1.2
2024-05-10T04:00Z,south,7,8,58,125,3.2
"""

_CONFIG = """\
# NAME: your own sites and signals. Run:   evenhand compare NAME.yaml
# A signal is a column of `data`, a number, {file: other.csv, column: price}, {file: wide.csv} with one column
# per site, or {sites: {north: 5, south: 8}}. Files are looked for beside this one: .csv or .parquet.
name: NAME

data: NAME.csv          # long table: one row per time and site
time: time              # its column of times (2024-05-10T13:00Z), or of whole numbers
site: site              # its column of sites
# every: 1h             # distance between rounds; found from the data when left out; `any` allows gaps

demand: demand          # to be shared among the sites, one number per round (the same at all its sites)
capacity: capacity      # the most a site can take
linear: price           # cost of one unit at a site
curvature: 2.0          # and curvature x^2 / 2 on top: crowding

beta: 4.0               # cost of moving work between rounds: (beta / 2) |x_t - x_(t-1)|^2
# switching:            # or, in its place: other prices per unit of move, and how far x may move in a round
#   - {kind: ramp_up, cost: 2.0}
#   - {kind: limits, rise: 3, fall: {sites: {north: 2, south: 4}}}
mu: 1.0                 # weight of fairness as a whole
burdens:                # what work puts on its site; each kind is fair in its own norm
  - name: carbon
    signal: carbon      # burden of one unit at a site
    weight: 0.05        # cost of one unit of the average burden ...
    norm: inf           # ... of the site that bears most; 2 and 1 look at all sites
  - name: water
    signal: water
    weight: 2.0
    norm: 2

# memory: {half_life: 24}           # fairness remembers: burdens count half after 24 rounds; {window: 168}: the last
                                    # ones alone; left out, it is about the average of the whole episode
# windows: {length: 24, step: 24}   # episodes; left out, all rounds are one
# unserved: penalty     # allow demand above capacity, at a price; or {price: 500, curvature: 10}
units: {price: $/unit, carbon: kg/unit, water: l/unit}
"""


def config_text(name: str) -> str:
    """The configuration for a scenario of that name, whose data are in ``name.csv``."""
    plain = read_yaml(f"name: {name}", name)["name"] == name
    text = _CONFIG if plain else _CONFIG.replace("name: NAME", 'name: "NAME"')  # 2024, yes, null
    return text.replace("NAME", name)


def sample() -> tuple[dict[str, Any], dict[str, Any]]:
    """The template as a configuration and its table, without touching a disk."""
    import pyarrow as pa
    import pyarrow.csv as csv
    import yaml

    table = csv.read_csv(pa.BufferReader(DATA.encode()))
    return yaml.safe_load(config_text("sample")), {"sample.csv": table}
