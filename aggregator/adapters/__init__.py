"""The command centre against the real world, one module per technology."""
