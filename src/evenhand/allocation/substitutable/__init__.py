"""Substitutable resources: jobs that run on any of several kinds."""
