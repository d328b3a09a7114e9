"""Forms of the officer's console, made from the message forms: what a page shows, and what a browser posts.

    drafted = draft(form, step, facts)                          # what the node knows already
    view = describe(form, language, enter(form, drafted.posted), facts=facts)
    templates/forms/form.html                                   # renders the view
    moved = rearrange(form, posted)                             # "add another", "remove": without JavaScript
    parsed = parse(form, posted, language)                      # content, or errors beside the inputs
    submission(drafted, parsed.content, id=...)                 # what the use case takes

Nothing here knows a form by its name: fields, kinds, limits and labels come from `protocol.messages` and
the vocabularies, so that a form that is added there has its page here. All of it is pure: no database, no
request.
"""

from __future__ import annotations

from service.console.forms.describing import describe
from service.console.forms.drafting import Drafted, Facts, KnownDocument, draft, submission
from service.console.forms.entering import (
    MOST_CHARACTERS,
    MOST_FIELDS,
    Entered,
    Pairs,
    TooMuch,
    as_posted,
    blank,
    enter,
    posted_from,
    rearrange,
)
from service.console.forms.parsing import FieldError, Filled, Parsed, parse
from service.console.forms.picker import Found, choices, options, search
from service.console.forms.view import FormView

__all__ = [
    "MOST_CHARACTERS",
    "MOST_FIELDS",
    "Drafted",
    "Entered",
    "Facts",
    "FieldError",
    "Filled",
    "FormView",
    "Found",
    "KnownDocument",
    "Pairs",
    "Parsed",
    "TooMuch",
    "as_posted",
    "blank",
    "choices",
    "describe",
    "draft",
    "enter",
    "options",
    "parse",
    "posted_from",
    "rearrange",
    "search",
    "submission",
]
