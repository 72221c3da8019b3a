"""Kernels: arrays in, arrays out; the only compiled code; knows no class of ours."""
