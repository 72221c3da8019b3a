"""Checks of memories of past burdens."""

from __future__ import annotations

import json

import numpy as np

from evenhand.checks.promises import ROUNDING, Check, frozen, guarded, has, record, require
from evenhand.core import FairnessMemory
from evenhand.registry import from_plain, to_plain

__all__ = ["MEMORY", "check_memory"]


def check_memory(memory: FairnessMemory, entities: int = 4) -> None:
    """Bounded, linear in the burdens, a batch is its elements, JSON; its recursion remembers what it remembers."""
    frozen(memory)
    rng = np.random.default_rng(23)
    require(0.0 <= memory.retention <= 1.0, memory, "retention lies in [0, 1]")
    burdens = rng.normal(size=(30, 3, entities))
    held = first = guarded(memory, "begin", lambda: memory.begin(entities))
    each = [first] * 3
    told = []
    for t, burden in enumerate(burdens):
        old, kept = held, held.copy()
        held = guarded(memory, f"add in round {t}", lambda h=held, b=burden: memory.add(h, b))
        require(np.array_equal(old, kept), memory, "add leaves what it is given as it was")
        each = [memory.add(one, burden[k]) for k, one in enumerate(each)]
        told.append(memory.remembered(held))
        require(np.shape(told[-1]) == burden.shape, memory, "remembered takes what is held to (..., m)")
        require(np.array_equal(held, each), memory, "a batch is its elements, bit for bit")
        require(held.shape[1:] == first.shape, memory, "what is held has the same size for ever")
        text = guarded(memory, "writing what is held as JSON", lambda h=held: json.dumps(to_plain(h)))
        held = guarded(memory, "reading what is held from JSON", lambda x=text: from_plain(json.loads(x)))
    for start in (0, 11):
        past = first
        for burden in burdens[:start, 0]:
            past = memory.add(past, burden)
        recursion = memory.recursion(past, 30 - start)
        want = np.array(told)[start:, 0]
        apart = np.abs(recursion.follow(burdens[start:, 0]) - want).max()
        require(apart <= ROUNDING, memory, "the recursion remembers what the memory does, from any round on")


def _members(memory: FairnessMemory) -> None:
    has(memory, FairnessMemory)


MEMORY = (
    record(),
    Check("members", "all of evenhand.protocols.FairnessMemory", _members, "add the members that are missing", True),
    Check(
        "memory",
        "linear, of one size, its recursion remembers the same",
        check_memory,
        "y_t = carry_t y_{t-1} + gain_t b_t - drop_t b_{t-lag} + given_t, from what is held on",
    ),
)
