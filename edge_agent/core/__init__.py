"""Rules of the box as values in, values out: no clock, no file, no socket."""
