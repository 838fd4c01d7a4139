"""Tracking one video: reading, writing and showing it."""
