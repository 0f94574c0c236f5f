"""Pictures altered as cameras in the street are, to measure and test what tells their health."""
