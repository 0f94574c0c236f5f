"""What `scripts/bench_queries.py` fills, asks and holds the answers to."""
