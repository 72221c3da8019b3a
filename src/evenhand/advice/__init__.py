"""advice: what to run on a trace, chosen on its first part and reported on the rest."""
