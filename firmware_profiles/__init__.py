"""Firmware profiles: one TOML per hardware class. Data only."""
