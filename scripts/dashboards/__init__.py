"""The Grafana dashboards, said shortly in Python and written out by `scripts/make_dashboards.py`."""
