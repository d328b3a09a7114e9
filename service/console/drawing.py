"""Templates become pages. Everything that a template is given is escaped, and a name that it does not know is
a fault, not an empty place."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from protocol.languages import language_name
from service.console.assets import address_of

__all__ = ["draw"]

_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(str(files("service.console") / "templates")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_TEMPLATES.globals["static"] = address_of
_TEMPLATES.globals["own_name"] = lambda language: _capital(language_name(language, reader=language))


def draw(template: str, *, see: Any, **values: Any) -> str:
    """`template` with `see`, a `Viewing`. Beside `values` it knows:

    say(message, …)  knows(message)  label(scheme, code)  number(n)  state(code)  day(date)  lasting(seconds)
    moment(datetime)  an instant, as an element `time`; moment_text(datetime)  for a place in a sentence
    code(text)        an identifier, left to right
    """
    words = see.words
    given = {
        "say": words.say,
        "knows": words.knows,
        "label": words.label,
        "number": words.number,
        "state": words.state,
        "day": words.day,
        "lasting": words.lasting,
        "moment": lambda value: _moment(value, words.moment(value)),
        "moment_text": words.moment,
        "code": _code,
    }
    return _TEMPLATES.get_template(template).render(see=see, **given, **values)


def _moment(value: datetime, text: str) -> Markup:
    stamp = value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Markup('<time datetime="{}">{}</time>').format(stamp, text)


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _code(text: str) -> Markup:
    return Markup('<bdi dir="ltr" class="code">{}</bdi>').format(text)
