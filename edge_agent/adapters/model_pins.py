"""The public half of the project's model key. Who may change this line decides what every box runs: docs/models.md."""

from typing import Final

PINNED: Final[tuple[str, ...]] = ()
"""As `scripts/sign_models.py new-key` prints it."""
