"""An advice in words, as plain data, and as files."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from evenhand.advice.advise import Advice
from evenhand.advice.line_up import BLIND, configured
from evenhand.policies.practice import practice
from evenhand.policies.proportional_share import ProportionalShare
from evenhand.report.compare import write_files

__all__ = ["as_csv", "as_json", "in_words", "snippet", "where", "write_advice"]


def in_words(advice: Advice) -> list[str]:
    """The advice in about ten lines."""
    row, lines = advice.row, [where(advice)]
    lines.append(f"Run {advice.text or advice.chosen}.")
    proof = advice.at_most(advice.chosen)
    told = "" if math.isnan(proof) else f": at most {percent(proof)} above the best possible in hindsight, proved"
    parts = f"hitting {number(row.hitting)}, switching {number(row.switching)}, fairness {number(row.fairness)}"
    lines.append(f"It costs {number(row.total)} a round ({parts}){told}.")
    lines.append(_others(advice))
    lines.append(_pareto(advice))
    lines.append(_burdened(advice))
    lines.append(_moves(advice))
    lines += [snippet(advice), *advice.notes]
    for label, why in advice.left_out.items():
        lines.append(f"{label} was left out: {why}")
    return [line for line in lines if line]


def where(advice: Advice) -> str:
    """What was chosen on what, and reported on what."""
    parts = advice.parts
    problem, length = parts.episodes.problem, parts.episodes.scenario.length
    at = f" ({problem.times[parts.split]})" if problem.times else ""
    first, rest = len(parts.first), len(parts.rest)
    windows = f"{first} window{'s' * (first != 1)} of {length} rounds"
    return (
        f"{parts.episodes.name}: {problem.horizon} rounds, {problem.setting.initial.shape[0]} actions. Chosen on "
        f"{windows} before round {parts.split}{at}, reported on {rest} from there on."
    )


def _others(advice: Advice) -> str:
    """How much dearer the next best is, what the configuration names, no fairness, and the best rule of schedulers."""
    rows = sorted((r for r in advice.rest.rows if r.policy not in ("OPT", advice.chosen)), key=lambda r: r.total)
    own = advice.row.total
    rules = {*map(type, practice().values()), ProportionalShare}
    now = configured(advice.parts.episodes.scenario)
    said: dict[str, str] = {}
    if rows:
        said[rows[0].policy] = f"next {rows[0].policy}"
    if now and now != advice.chosen:
        said[now] = f"configured now {now}"
    if advice.chosen != BLIND:
        said[BLIND] = f"without fairness ({BLIND})"
    ruled = [r.policy for r in rows if type(advice.rest.trajectories[r.policy].policy) in rules]
    if ruled:
        said[ruled[0]] = f"as schedulers do ({ruled[0]})"
    known = {r.policy: r for r in rows}
    told = [f"{text} {100 * (known[k].total / own - 1):+.1f} %" for k, text in said.items() if k in known and own]
    return f"Against it: {', '.join(told)}." if told else ""


def _pareto(advice: Advice) -> str:
    points = ", ".join(f"x{p.factor:g}: {number(p.running)} + {number(p.unfair)}" for p in advice.pareto)
    return f"What fairness costs, at multiples of your weight (serving and moving + burdens at your weight): {points}."


def _burdened(advice: Advice) -> str:
    """The entity that decides the fairness cost, and what it bears with and without."""
    run, blind = (advice.rest.trajectories[label] for label in (advice.chosen, BLIND))
    setting = run.problem.setting
    slope = np.abs(np.asarray(setting.fairness.subgradient(run.mean_burden)))
    if not slope.any():
        return ""
    m = len(setting.entities)
    who = int(slope.reshape(-1, m).mean(axis=0).argmax())
    bears, bore = (float(r.mean_burden.reshape(-1, m)[:, who].mean()) for r in (run, blind))
    return f"Fairness is decided by {setting.entities[who]}: {number(bears)} a round, {number(bore)} without fairness."


def _moves(advice: Advice) -> str:
    best = f" (the best in hindsight {percent(advice.moves['OPT'])})" if "OPT" in advice.moves else ""
    return f"It moves {percent(advice.moves[advice.chosen])} of the load from one to another in a round{best}."


def snippet(advice: Advice) -> str:
    """The line to paste into a configuration."""
    if not advice.text:
        return "Its parameters cannot be written in a configuration: construct it in Python."
    return f"For your configuration:    policy: {_quoted(advice.text)}"


def _quoted(text: str) -> str:
    return text if text.replace("_", "").isalnum() else json.dumps(text)


def percent(share: float) -> str:
    """A share in per cent, two digits where it is small."""
    return f"{100 * share:.2f} %" if abs(share) < 0.0995 else f"{100 * share:.1f} %"


def number(value: float) -> str:
    """Four significant digits at least, no exponent where it reads well."""
    return f"{value:.1f}" if 1000 <= abs(value) < 1e7 else f"{value:.4g}"


def _flat(advice: Advice) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for part, comparison in (("first", advice.first), ("rest", advice.rest)):
        for row in comparison.rows:
            rest = part == "rest"
            out.append(
                {
                    "part": part, "policy": row.policy, "hitting": row.hitting, "switching": row.switching,
                    "fairness": row.fairness, "total": row.total, "ratio": _finite(row.ratio),
                    "at_most_above": _finite(advice.at_most(row.policy)) if rest else None,
                    "moved": advice.moves.get(row.policy) if rest else None,
                }
            )  # fmt: skip
    return out


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def as_csv(advice: Advice) -> str:
    """A row per part and policy, full precision."""
    flat = _flat(advice)
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(flat[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return buffer.getvalue()


def as_json(advice: Advice) -> str:
    """The choice, its settings, the windows, all rows, the Pareto points and the warnings."""
    parts = advice.parts
    plain = {
        "name": parts.episodes.name, "policy": advice.text or advice.chosen, "configurable": bool(advice.text),
        "period": advice.period, "length": parts.episodes.scenario.length, "split": parts.split,
        "chosen_on": list(parts.first), "reported_on": list(parts.rest),
        "at_most_above": _finite(advice.at_most(advice.chosen)), "rows": _flat(advice),
        "pareto": [{"factor": p.factor, "running": p.running, "unfair": p.unfair} for p in advice.pareto],
        "left_out": dict(advice.left_out), "notes": list(advice.notes),
    }  # fmt: skip
    return json.dumps(plain, indent=2, allow_nan=False) + "\n"


def write_advice(advice: Advice, folder: Path) -> list[Path]:
    """Write advice.html (self-contained), advice.csv, advice.json and, where text can say it, policy.yaml."""
    from evenhand.report.advise_page import as_html

    files: dict[str, Any] = {
        "advice.html": lambda p: p.write_text(as_html(advice), encoding="utf-8"),
        "advice.csv": lambda p: p.write_text(as_csv(advice), encoding="utf-8"),
        "advice.json": lambda p: p.write_text(as_json(advice), encoding="utf-8"),
    }
    if advice.text:
        files["policy.yaml"] = lambda p: p.write_text(f"policy: {_quoted(advice.text)}\n", encoding="utf-8")
    return write_files(folder, files)
