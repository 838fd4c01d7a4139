"""Jobs at the scale of the paper."""
