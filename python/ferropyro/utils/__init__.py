"""Programs of Pyro's."""
