"""The HTTP API of a node, as `openapi.yaml` says it.

A router does four things and no fifth: `guard.py` has already said who asks and whether they may; it reads
the request (`reading.py`), calls one use case of `service.exchange`, and writes the view down (`answers.py`).
What goes wrong becomes a problem document in `problems.py`, the only place where a status code is chosen for
it.
"""
