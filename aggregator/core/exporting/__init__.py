"""Exports, the pure half: what a value is in CSV, JSON lines and Parquet, and the SELECT that gives it in that form."""
