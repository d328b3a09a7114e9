"""Hands messages over to an authority that has no system, and reads what comes back. See README.md."""
