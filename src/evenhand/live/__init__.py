"""The controller as a value: observe, decide, settle, skip; its ledger and its explanations. No web in it."""
