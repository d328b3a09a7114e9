"""`alert.danger`: the child or the family is in danger now; whoever holds a measure should know at once.

Coded only, so that nothing holds it up and nobody has to translate it: at once is the deadline (Hague
Convention of 1996, art 36; Regulation (EU) 2019/1111 art 80(2)). It is no accusation; names and
circumstances follow in an answer where they are asked for.
"""

from __future__ import annotations

from typing import Annotated

from protocol.messages.form import AnyNumber, Coded, CodedPart, Country, Form, IsoDate, Several
from protocol.messages.lists import EachOnce, alone

__all__ = ["FORM", "DangerAlert"]


class DangerAlert(CodedPart):
    """`last_country`: where the child was last known to be."""

    dangers: Annotated[Several[Annotated[str, Coded("danger-kind")]], EachOnce]
    observed_on: IsoDate
    measures_taken: Annotated[
        AnyNumber[Annotated[str, Coded("protective-measure")]], EachOnce, alone("none-yet")
    ] = ()
    last_country: Country


FORM = Form(type="alert.danger", procedure="case", opens_thread=False, model=DangerAlert)
