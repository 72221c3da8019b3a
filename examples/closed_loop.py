"""A closed loop with the service: post what was observed, apply what is answered, settle with what really happened.

The plant here is imperfect: it moves only 90 % of the way to what was decided. The service is started in a
folder of its own and stopped at the end.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from evenhand.errors import EvenhandError
from evenhand.live.configure import observations_of
from evenhand.live.observation import plain
from evenhand.live.replaying import opened
from evenhand.service.client import Client, path_of

ROUNDS = 48

# %% A server of its own; the first line it prints that names an address says where.
folder = tempfile.TemporaryDirectory()
command = [sys.executable, "-m", "evenhand", "serve", "--data", folder.name, "--port", "0"]
server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
address = next(word for line in server.stdout for word in line.split() if word.startswith("http://")).rstrip("/.,:;")

# %% One controller with the sites of geo7, and a plant that lags behind.
try:
    client = Client(address, seconds=60.0)
    for _ in range(600):
        try:
            client.ask("GET", "/readyz")
            break
        except EvenhandError:
            time.sleep(0.1)
    client.ask("POST", "/v1/controllers", {"name": "loop", "scenario": "geo7"})
    controller, problem = opened("geo7")
    seen = [plain(controller.sites, one) for one in observations_of(controller, problem)][:ROUNDS]
    decided, applied = [], []
    sites = problem.setting.actions
    standing = np.zeros(len(sites))
    for t, observation in enumerate(seen):
        answer = client.ask("POST", path_of("loop", "rounds"), {**observation, "round": t})
        wanted = np.array([answer["action"][site] for site in sites])
        standing = wanted if t == 0 else 0.9 * wanted + 0.1 * standing
        told = {"applied": dict(zip(sites, standing.tolist(), strict=True))}
        client.ask("POST", path_of("loop", "rounds", str(t), "settle"), told)
        decided.append(wanted)
        applied.append(standing)
    why = client.ask("GET", path_of("loop", "rounds", str(ROUNDS - 1), "why"))
    proved = client.ask("GET", f"{path_of('loop', 'certificate')}?last={ROUNDS}")
finally:
    server.terminate()
    server.wait(timeout=60)
    folder.cleanup()

# %% What was decided, what the plant did, and how far that is at most from the best possible.
decided, applied = np.array(decided), np.array(applied)
away = 100.0 * np.abs(decided - applied).sum() / decided.sum()
print(f"{ROUNDS} rounds decided and settled; the plant was {away:.2f} % of the load away from what was decided")
print(why["text"].splitlines()[0])
print(f"at most {100.0 * proved['gap']:.2f} % above the best possible in hindsight, proved")
figure = Figure(figsize=(7.6, 3.4), layout="constrained")
axes = figure.subplots()
for k, site in enumerate(sites[:3]):
    (line,) = axes.plot(decided[:, k], label=site)
    axes.plot(applied[:, k], ":", color=line.get_color())
axes.set_xlabel("round (decided: solid, applied: dotted)")
axes.set_ylabel("capacity in use")
axes.legend(frameon=False)
Path("out/examples").mkdir(parents=True, exist_ok=True)
figure.savefig("out/examples/closed_loop.png", dpi=100)
