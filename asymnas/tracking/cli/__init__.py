"""The commands of the tracking task."""
