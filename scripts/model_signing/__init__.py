"""Putting models under a signature: the maintainer's half of what `edge_agent.adapters.models` checks."""
