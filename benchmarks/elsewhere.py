"""AdaptiveFairOBD on scenarios it was not designed on, beside FairOBD at the paper's rate and at its automatic one.

Mean ratio to OPT over all windows, and the share and size of windows where the adaptive policy is worse. Nothing was
chosen on these. Run: python benchmarks/elsewhere.py
"""

from __future__ import annotations

import numpy as np

import evenhand as eh
from evenhand.experiment import compare

CASES = (
    ("provisioning", {"switching": "squared"}),
    ("tenants", {}),
    ("tenants", {"tenants": 30}),
    ("synthetic", {"family": "drift"}),
    ("fleet-online", {}),
    ("clients", {"trace": "mmid", "capacity": 0.7}),
    ("clients", {"trace": "mmid", "capacity": 0.9}),
    ("clients", {"trace": "msmall", "capacity": 0.7}),
    ("clients", {"trace": "msmall", "capacity": 0.9}),
    ("geo10", {"length": 457}),
)


def main() -> None:
    print("| scenario | windows | FairOBD, 0.01 | FairOBD | AdaptiveFairOBD | worse in | by at most |")
    print("|---" * 7 + "|")
    for name, settings in CASES:
        policies = {"FairOBD": eh.FairOBD(eta=1e-2), "auto": eh.FairOBD(), "adaptive": eh.AdaptiveFairOBD()}
        found = compare(eh.load(name, **settings), policies, hindsight=("OPT",))
        ratio = {row.policy: row.ratio for row in found.rows}
        totals = {label: np.atleast_1d(run.cost.total) for label, run in found.trajectories.items()}
        excess = totals["adaptive"] / totals["FairOBD"] - 1.0
        label = f"{name} {settings}" if settings else name
        three = " | ".join(f"{ratio[policy]:.4f}" for policy in policies)
        worse = f"{np.mean(excess > 0):.1%} | {max(excess.max(), 0.0):.2%}"
        print(f"| {label} | {len(found.windows)} | {three} | {worse} |")


if __name__ == "__main__":
    main()
