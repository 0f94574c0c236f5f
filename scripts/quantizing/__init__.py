"""The plate detector in 8 bits: pictures to calibrate with, and the step that needs an environment of its own."""
