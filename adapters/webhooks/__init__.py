"""The receiving side of a node's webhooks. The node sends them itself: docs/operations/notifications.md."""
