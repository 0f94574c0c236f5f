"""Drills: what goes wrong in a street or a server room, done on purpose, with a ledger kept outside the agent."""
