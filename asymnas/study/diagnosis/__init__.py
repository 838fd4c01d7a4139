"""Diagnoses of a run: from its log, and by measuring anew."""
