"""The command centre: verifies, keeps, alerts, federates."""
