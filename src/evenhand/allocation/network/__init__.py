"""Networks: flows over links."""
