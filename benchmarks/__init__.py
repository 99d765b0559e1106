"""Benchmarks: every figure in the docs comes from one of these. Run all: ``make bench``."""
