"""Connections of a live controller: sources of what is measured, targets of what is decided; shadow mode first."""
