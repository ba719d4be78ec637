"""A farm that is simulated from a seed: the real Manager, with everything around it on one simulated timeline."""
