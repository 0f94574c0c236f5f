"""A fleet that is enrolled while things break: for `scripts/enroll_drill.py`."""
