"""A State's node: HTTP API, store, routing and the workers that carry messages. `app.py` puts it together."""
