"""Which of our languages a browser speaks."""

from collections.abc import Iterator

from edge_agent.adapters.texts import LANGUAGES, Language


def spoken(accept_language: str, chosen: str | None) -> Language:
    """The language chosen on the page, else the browser's first that is ours; Spanish of any country is Mexico's."""
    for language in LANGUAGES:
        if chosen == language:
            return language
    ranked = sorted(_ranges(accept_language), key=lambda each: -each[1])
    for name, _ in ranked:
        if name.startswith(("es", "en")):
            return "es-MX" if name.startswith("es") else "en"
    return "es-MX"


def _ranges(accept_language: str) -> Iterator[tuple[str, float]]:
    """Language ranges with their weights (RFC 9110, section 12.5.4); a weight that is none counts as 0."""
    for part in accept_language.lower().split(","):
        name, _, weight = part.strip().partition(";q=")
        try:
            yield name.strip(), float(weight or 1)
        except ValueError:
            yield name.strip(), 0.0
