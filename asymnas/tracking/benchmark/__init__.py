"""Benchmarks: track whole data sets, score result files, report."""
