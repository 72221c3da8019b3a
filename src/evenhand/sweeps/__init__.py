"""Sweeps: scenarios × policies × parameters × windows × seeds, on local processes or a cluster, resumable."""
