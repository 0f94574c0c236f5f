"""Renders number plates as a street camera sees them, with their text: what the plate reader learns from.

Every picture follows from the state of the random generator it is given. docs/plates.md says what is drawn, what
was checked against what, and how the damage is modelled.
"""
