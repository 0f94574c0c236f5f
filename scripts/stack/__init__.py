"""A whole city on one machine, by the commands an operator would type: for the demo, the drills and the benchmarks."""
