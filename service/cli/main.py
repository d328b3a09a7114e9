"""The `focalpoint` command.

Each group of commands lives in a module of its own and is imported only when it is asked for: `--help` and a
short command shall not wait for the web framework. To add a group, name it in `GROUPS`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

from protocol.errors import Refused
from service.errors import NodeError

__all__ = ["GROUPS", "app"]

GROUPS: Final = {
    "agreement": "service.cli.agreement:agreement_app",
    "approvals": "service.cli.approvals:approvals_app",
    "approve": "service.cli.approvals:approve_app",
    "attachment": "service.cli.attachments:attachment_app",
    "backup": "service.cli.backup:backup_app",
    "client": "service.cli.accounts:client_app",
    "collect": "service.cli.messages:collect_app",
    "courier": "service.cli.courier:courier_app",
    "deadlines": "service.cli.deadlines:deadlines_app",
    "demo": "service.cli.demo:demo_app",
    "directory": "service.cli.directory:directory_app",
    "doctor": "service.cli.doctor:doctor_app",
    "hub": "service.cli.hub:hub_app",
    "inbox": "service.cli.messages:inbox_app",
    "indicators": "service.cli.indicators:indicators_app",
    "intermediary": "service.cli.intermediary:intermediary_app",
    "journal": "service.cli.journal:journal_app",
    "keys": "service.cli.keys:keys_app",
    "network": "service.cli.network:network_app",
    "node": "service.cli.node:node_app",
    "notices": "service.cli.notices:notices_app",
    "registrar": "service.cli.registrar:registrar_app",
    "relay": "service.cli.relay:relay_app",
    "retention": "service.cli.retention:retention_app",
    "person": "service.cli.accounts:person_app",
    "send": "service.cli.messages:send_app",
    "show": "service.cli.messages:show_app",
    "statistics": "service.cli.statistics:statistics_app",
    "subscription": "service.cli.notices:subscription_app",
    "timeline": "service.cli.timeline:timeline_app",
    "token": "service.cli.token:token_app",
    "verify": "service.cli.verify:verify_app",
    "watch": "service.cli.watch:watch_app",
    "vocabulary": "service.cli.vocabulary:vocabulary_app",
}
"""Where each command's, or group's, Typer app is."""

_FAILED: Final = 1


class _Groups(TyperGroup):
    """Finds a group by its name, imports it then, and says a refusal, and a file that is not as it was
    named, in one line instead of a traceback."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted({*super().list_commands(ctx), *GROUPS})

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in GROUPS:
            return super().get_command(ctx, cmd_name)
        module, _, name = GROUPS[cmd_name].partition(":")
        command = get_command(getattr(import_module(module), name))
        command.name = cmd_name
        return command

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (NodeError, Refused) as reason:
            typer.echo(f"focalpoint: {reason}", err=True)
            raise typer.Exit(_FAILED) from reason
        except OSError as reason:
            if isinstance(reason, BrokenPipeError):
                raise  # whoever read what we print has gone
            # A file or directory that was named, or a port; a node's answers are read elsewhere.
            typer.echo(f"focalpoint: {_said_of(reason)}", err=True)
            raise typer.Exit(_FAILED) from reason


def _said_of(reason: OSError) -> str:
    said = reason.strerror or type(reason).__name__
    return said if reason.filename is None else f"{reason.filename}: {said}"


app = typer.Typer(
    cls=_Groups,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Cross-border child-protection messaging: a State's node, and what its people do with it.",
)


@app.callback()
def _() -> None:
    """Cross-border child-protection messaging: a State's node, and what its people do with it."""


if __name__ == "__main__":
    app()
