"""The space room."""
