"""The ways in which something does not go through, told apart because what follows is different."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["Away", "NotNow", "Unfit"]

_CODE: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")


class _Coded(Exception):
    """`code` is stable and for machines, `hint` is for whoever sets it right. Neither holds anything of a
    record: both are logged, and told to the operator."""

    def __init__(self, code: str, hint: str = "") -> None:
        if not _CODE.fullmatch(code):
            raise ValueError("a code such as primero.login_refused")
        super().__init__(f"{code}: {hint}" if hint else code)
        self.code = code
        self.hint = hint


class Away(_Coded):
    """The other side does not answer, or not sensibly, for now. The same is tried again later; what comes
    behind it waits, so that order is kept.

    `retry_after`: the header of that name as it came, in seconds or as a date (RFC 9110 §10.2.3), where the
    other side has said when. It is read in `pace`, and believed within bounds."""

    def __init__(self, code: str, hint: str = "", *, retry_after: str | None = None) -> None:
        super().__init__(code, hint)
        self.retry_after = retry_after


class NotNow(_Coded):
    """This one is closed, and others may open it again: a State that gives a wider mandate. It waits, is
    asked about again at its own slow pace, and the next one goes on. Nobody has to look at it here.

    What the node refuses under a code `mandate.…` is this by itself."""


class Unfit(_Coded):
    """This one item will not go through however often it is tried. It is set aside and counted, the next one
    goes on, and a person decides (`focalpoint-adapter set-aside`)."""
