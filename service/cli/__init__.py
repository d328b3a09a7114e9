"""The `focalpoint` command."""
