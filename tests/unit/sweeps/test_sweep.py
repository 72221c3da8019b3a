from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import evenhand as eh
from evenhand.errors import ParameterError, UnknownNameError
from evenhand.sweeps import run as running
from evenhand.sweeps.plan import Plan, make_plan
from evenhand.sweeps.run import run_plan, sweep_policies
from evenhand.sweeps.shards import Shards
from evenhand.sweeps.work import run_job

GRID: dict[str, list[Any]] = {"eta": [1e-3, 1e-2], "lambda2": [0.0, 0.5]}


def plan_of(windows: str = "0:97:24", **change: Any) -> Plan:
    given: dict[str, Any] = {"grid": GRID, "settings": {"mu": [1.0, 3.0]}, "policies": ["FairOBD", "ROBD"]} | change
    return make_plan(["geo7"], given["policies"], given["grid"], given["settings"], 1, windows)


def test_rows_are_those_of_compare_bit_for_bit() -> None:
    found = sweep_policies("geo7", ["FairOBD", "HitMin"], GRID, settings={"mu": [1.5]}, windows="0:97:24").to_frame()
    episodes = eh.load("geo7", mu=1.5)
    windows = [0, 24, 48, 72, 96]
    policies = {
        **{f"{e} {k}": eh.FairOBD(eta=e, lambda2=k) for e in GRID["eta"] for k in GRID["lambda2"]},
        "HitMin": eh.HitMin(),
    }
    ours = eh.compare(episodes, policies, windows)
    best = ours.trajectories["OPT"].cost.total
    for label, run in ours.trajectories.items():
        if label in ("OPT", "FairOPT"):
            continue
        rows = found[found["policy"] == label.split()[0]] if label == "HitMin" else found[found["policy"] == "FairOBD"]
        if label != "HitMin":
            eta, pull = map(float, label.split())
            rows = rows[(rows["param_eta"] == eta) & (rows["param_lambda2"] == pull)]
        assert rows["window"].tolist() == windows
        for part in ("hitting", "switching", "fairness", "total"):
            np.testing.assert_array_equal(rows[part].to_numpy(), getattr(run.cost, part))
        np.testing.assert_array_equal(rows["opt"].to_numpy(), best)
        np.testing.assert_array_equal(rows["ratio"].to_numpy(), run.cost.total / best)


def test_rows_come_in_the_order_asked_for() -> None:
    frame = run_frame(plan_of())
    assert len(frame) == plan_of().episodes == 2 * 5 * (4 + 2)
    assert frame["setting_mu"].tolist() == [1.0] * 30 + [3.0] * 30
    first = frame[:30]
    assert first["policy"].tolist() == ["FairOBD"] * 20 + ["ROBD"] * 10
    assert first["param_eta"][:20].tolist() == [1e-3] * 10 + [1e-2] * 10
    assert first["param_eta"][20:].isna().all()
    assert first["param_lambda2"].tolist() == ([0.0] * 5 + [0.5] * 5) * 3
    assert first["window"].tolist() == [0, 24, 48, 72, 96] * 6


def run_frame(plan: Plan) -> Any:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return run_plan(plan, Path(folder)).to_frame()


def test_the_summary_is_of_means() -> None:
    results = sweep_policies("geo7", "HitMin", windows="0,50")
    rows = results.to_frame()
    table = results.summary()
    assert table["policy"].tolist() == ["OPT", "HitMin"]
    assert table["episodes"].tolist() == [2, 2]
    assert table["ratio"][1] == pytest.approx(rows["total"].mean() / rows["opt"].mean(), rel=1e-15)
    assert table["worst_ratio"][1] == rows["ratio"].max()
    assert table["total"][0] == pytest.approx(rows["opt"].mean(), rel=1e-15)


def test_a_stopped_sweep_resumes_and_repeats_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of("0:97:4")
    whole = run_plan(plan, tmp_path / "whole")
    done: list[str] = []

    def stops(job: Any) -> Any:
        if len(done) == 5:
            raise KeyboardInterrupt
        done.append(job.key)
        return run_job(job)

    monkeypatch.setattr(running, "run_job", stops)
    with pytest.raises(KeyboardInterrupt):
        run_plan(plan, tmp_path / "part")
    assert len(list((tmp_path / "part" / "parts").iterdir())) == 5
    assert not (tmp_path / "part" / "results.parquet").exists()
    again: list[str] = []
    monkeypatch.setattr(running, "run_job", lambda job: (again.append(job.key), run_job(job))[1])
    resumed = run_plan(plan, tmp_path / "part")
    assert set(done) | set(again) == {job.key for job in plan.jobs}
    assert not set(done) & set(again)
    assert resumed.table.equals(whole.table)
    for name in ("results.parquet", "summary.csv"):
        assert (tmp_path / "part" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    again.clear()
    run_plan(plan, tmp_path / "part")
    assert again == []


def test_any_order_of_jobs_gives_the_same_bytes(tmp_path: Path) -> None:
    plan = plan_of("0:97:8")
    shards = Shards(tmp_path / "a", plan)
    jobs = list(plan.jobs)
    random.Random(3).shuffle(jobs)
    for job in jobs:
        shards.add(job, run_job(job))
    assert shards.missing() == []
    assert shards.collect().table.equals(run_plan(plan, tmp_path / "b").table)
    for job in plan.jobs:
        assert shards.path(job).read_bytes() == (tmp_path / "b" / "parts" / shards.path(job).name).read_bytes()


def test_a_torn_part_is_done_again(tmp_path: Path) -> None:
    plan = plan_of()
    good = run_plan(plan, tmp_path).table
    shards = Shards(tmp_path, plan)
    torn = shards.path(plan.jobs[1])
    torn.write_bytes(torn.read_bytes()[:100])
    assert shards.missing() == [plan.jobs[1]]
    assert run_plan(plan, tmp_path).table.equals(good)


def test_a_part_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of()
    shards = Shards(tmp_path, plan)
    block = run_job(plan.jobs[0])

    def full(*_: Any, **__: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(ParameterError, match=r"cannot write .* no space"):
        shards.add(plan.jobs[0], block)
    assert list((tmp_path / "parts").iterdir()) == []


def test_parts_can_be_read_on_their_own(tmp_path: Path) -> None:
    run_plan(plan_of(), tmp_path)
    frame = pq.read_table(tmp_path / "parts").to_pandas()
    assert set(frame["policy"]) == {"OPT", "FairOBD", "ROBD"}
    assert {"scenario", "settings", "parameters", "seed", "window", "hitting", "switching", "fairness"} <= set(
        frame.columns
    )


def test_names_are_hashes_of_all_that_matters() -> None:
    base = plan_of()
    assert base.key == plan_of().key
    assert len({job.key for job in base.jobs}) == len(base.jobs)
    others = [
        plan_of(grid={"eta": [1e-3, 1e-2], "lambda2": [0.0, 0.25]}),
        plan_of(settings={"mu": [1.0, 2.0]}),
        plan_of(policies=["FairOBD(domain=ball)", "ROBD"]),
        plan_of("0:97:12"),
        plan_of(settings={"mu": [1.0, 3.0], "alpha": [18.0]}),
    ]
    assert len({base.key, *(plan.key for plan in others)}) == 6
    shared = {job.key for job in base.jobs} & {job.key for job in others[1].jobs}
    assert len(shared) == sum(job.case == 0 for job in base.jobs)


def test_the_hash_sees_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    from evenhand.scenarios import geo7

    base = plan_of()
    real = geo7.columns_of

    def changed(name: str) -> Any:
        table = dict(real(name))
        if "pue" in table:
            table["pue"] = ("1.19", *table["pue"][1:])
        return table

    monkeypatch.setattr(geo7, "columns_of", changed)
    assert not {job.key for job in plan_of().jobs} & {job.key for job in base.jobs}


def test_a_folder_belongs_to_one_sweep(tmp_path: Path) -> None:
    Shards(tmp_path, plan_of())
    Shards(tmp_path, plan_of())
    with pytest.raises(ParameterError, match="holds another sweep"):
        Shards(tmp_path, plan_of("0"))
    (tmp_path / "sweep.json").write_text("not json")
    with pytest.raises(ParameterError, match="holds another sweep"):
        Shards(tmp_path, plan_of())


def test_opt_is_solved_once_for_all_points() -> None:
    plan = plan_of("0:97:1")
    solved = [(job.case, w) for job in plan.jobs if job.entry < 0 for w in job.windows]
    assert sorted(solved) == [(c, w) for c in range(2) for w in range(97)]


def test_two_processes_give_the_same_bytes(tmp_path: Path) -> None:
    plan = plan_of("0:97:16")
    run_plan(plan, tmp_path / "one")
    run_plan(plan, tmp_path / "two", jobs=2)
    assert (tmp_path / "one" / "results.parquet").read_bytes() == (tmp_path / "two" / "results.parquet").read_bytes()


def test_records_are_swept_as_text() -> None:
    frame = sweep_policies(
        "geo7", "FairOBD(domain=ball)", {"mirror": [eh.Euclidean(), eh.Entropy()]}, windows="0"
    ).to_frame()
    assert frame["param_mirror"].tolist() == ["Euclidean()", "Entropy()"]
    assert frame["total"].nunique() == 2


def test_seeds_are_for_what_draws() -> None:
    results = sweep_policies("geo7", "HitMin", windows="0", seeds=5)
    assert results.table.num_rows == 1
    assert "one seed is played, not 5" in results.notes[0]


@pytest.mark.parametrize(
    ("arguments", "kind", "told"),
    [
        ({"policies": "FairODB"}, UnknownNameError, "did you mean 'FairOBD'"),
        ({"grid": {"etta": [1]}}, UnknownNameError, "did you mean 'eta'"),
        ({"grid": {"eta": []}}, ParameterError, "'eta' is empty"),
        ({"grid": {"eta": [1.0, -1.0]}}, ParameterError, "above 0"),
        ({"settings": {"mmu": [1]}}, UnknownNameError, "did you mean 'mu'"),
        ({"settings": {"mu": [-1.0]}}, ParameterError, "mu"),
        ({"seeds": 0}, ParameterError, "at least 1"),
        ({"jobs": 0}, ParameterError, "at least 1"),
        ({"windows": "97"}, ParameterError, "starts must lie in"),
        ({"scenario": "geo8"}, UnknownNameError, "Geo7"),
        ({"policies": []}, ParameterError, "no policy is named"),
    ],
)
def test_bad_input_is_refused_before_anything_runs(arguments: dict[str, Any], kind: type, told: str) -> None:
    with pytest.raises(kind, match=told):
        sweep_policies(**({"scenario": "geo7", "policies": "FairOBD"} | arguments))


def test_without_a_conic_form_the_sweep_goes_on_without_ratios(monkeypatch: pytest.MonkeyPatch) -> None:
    from evenhand.errors import ProblemError
    from evenhand.sweeps import work

    def none(_: Any) -> Any:
        raise ProblemError("no conic form")

    monkeypatch.setattr(work, "optimum", none)
    results = sweep_policies("geo7", "HitMin", windows="0,1")
    frame = results.to_frame()
    assert frame["opt"].isna().all()
    assert frame["ratio"].isna().all()
    assert frame["total"].notna().all()
    assert "no OPT" in results.notes[0]
    assert results.summary()["policy"].tolist() == ["OPT", "HitMin"]
