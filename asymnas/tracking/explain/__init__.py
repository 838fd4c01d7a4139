"""Looking inside trackers: what a sentence selects, where an answer comes from, several trackers on a video."""
