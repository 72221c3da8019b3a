"""A sweep on a cluster: the same call as on this machine, with the address of a Dask scheduler.

Here the cluster is two processes of this machine; yours are `dask scheduler` and `dask worker` on any number.
The bytes of the result depend on the question alone, not on where it was computed.
"""

from pathlib import Path

from distributed import LocalCluster
from matplotlib.figure import Figure

import evenhand as eh

# %% The question: five learning rates on five windows of a week, OPT once a window.
QUESTION = {"grid": {"eta": [1e-3, 1e-2, 3e-2, 0.1, 0.3]}, "windows": "0:97:24"}


def ask(**where):
    return eh.sweep_policies("geo7", "FairOBD", **QUESTION, **where)


# %% On the cluster, and here: the same bytes.
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        there = ask(cluster=cluster.scheduler_address)
    here = ask()
    print("the same, to the bit:", there.to_frame().equals(here.to_frame()))
    summary = there.summary()
    rates = summary[summary["policy"] == "FairOBD"].sort_values("param_eta")
    print(rates[["param_eta", "ratio", "worst_ratio"]].to_string(index=False, float_format="%.4f"))

    figure = Figure(figsize=(7.0, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.semilogx(rates["param_eta"], rates["ratio"], "o-", label="mean of the windows")
    axes.semilogx(rates["param_eta"], rates["worst_ratio"], "s--", label="worst window")
    axes.set_xlabel("learning rate eta")
    axes.set_ylabel("total cost / OPT")
    axes.legend(frameon=False)
    Path("out/examples").mkdir(parents=True, exist_ok=True)
    figure.savefig("out/examples/cluster_sweep.png", dpi=100)
