"""A street in Mexico that exists only as numbers: rendered video with known plates, for demos and tests."""
