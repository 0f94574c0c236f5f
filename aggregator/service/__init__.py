"""The aggregator as a running program: what is opened, in which order, and which tasks it consists of."""
