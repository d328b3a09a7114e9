"""`focalpoint demo`: two example States exchange a social inquiry about an invented child.

command   the command: a temporary directory, the stage, the story, and what is said when something fails
stage     the network as a child process, which ends with the demo however that ends
story     who does what, step by step, through the API and nothing else
contents  what the authorities say to each other, all of it invented
telling   how it is told on a terminal
"""

from __future__ import annotations

from service.cli.demo.command import demo_app

__all__ = ["demo_app"]
