"""All that a run leaves: its folder, lock, summary and times."""
