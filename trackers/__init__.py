"""Tracker plugins that come with AsymNAS."""
