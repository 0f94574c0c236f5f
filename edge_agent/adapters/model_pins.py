"""The public half of the project's model key. Who may change this line decides what every box runs: docs/models.md."""

from typing import Final

PINNED: Final[tuple[str, ...]] = ("MCowBQYDK2VwAyEAFo+mp+y6ElF4QKqvoBr6lrJG93EK3n60fHhnjZ0aW5c=",)
"""As `scripts/sign_models.py new-key` prints it."""
