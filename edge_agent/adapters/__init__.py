"""The box against the real world, one module per technology."""
