"""The synthetic benchmark."""
