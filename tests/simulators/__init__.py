"""Peers that play the other side in tests: real brokers and certificates, rules in memory."""
