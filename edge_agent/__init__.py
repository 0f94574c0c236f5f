"""The program on a street box: cameras in, signed messages out."""
