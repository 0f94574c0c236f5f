"""A fleet of light boxes: many in one process, each with its own key, certificate, order and connection."""
