"""The analyst's HTTP API, `/api/v1`: read only, over the asking surface. docs/api.md is its manual."""
