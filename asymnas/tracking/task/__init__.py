"""Tracking as a task of the search: its part of the job, data, batches, rewards, baselines and what is kept."""
