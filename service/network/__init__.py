"""A local network of example States, to try things on. Never a real one: one machine holds every key."""
