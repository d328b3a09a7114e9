"""The hub and the way to it: accounts, streams, the link, outbox and inbox."""
