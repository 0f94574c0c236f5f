"""The contract between box, city and region: pure, no I/O."""
