"""Training of the plate finder: pictures with known plates, a slim network, the loop, the export, the figures."""
