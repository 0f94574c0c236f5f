"""Rules of the command centre as values in, values out."""
