"""Readers of published benchmarks as they lie on disk: raw frames, annotation files, sentences."""
