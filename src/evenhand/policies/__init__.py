"""Online policies, one a file."""
