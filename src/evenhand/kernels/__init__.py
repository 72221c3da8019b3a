"""Kernels: arrays in, arrays out; the only compiled code; knows no class of ours."""

import importlib

from evenhand.kernels.interrupts import uninterrupted

with uninterrupted():  # an interrupt that falls into its import is swallowed
    importlib.import_module("numba")
