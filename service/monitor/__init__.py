"""Silence is seen: who owes an answer, since when, and what has been waiting too long."""
