"""An adapter's own sentences, beside those in which the protocol renders a message."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from fluent.runtime import FluentBundle, FluentResource

from protocol.rendering.sentences import Sentences, sentences

__all__ = ["words_in"]


def words_in(locales: Traversable, language: str) -> Sentences:
    """The words in `language`, or in the nearest there is. `locales`: a file of the adapter's for each."""
    rendered = sentences(language)
    name = f"{rendered.language}.ftl"
    bundle = FluentBundle([rendered.language], use_isolating=False)
    for file in (locales / name, files("protocol") / "rendering" / "locales" / name):
        bundle.add_resource(FluentResource(file.read_text("utf-8")))
    return Sentences(
        language=rendered.language, direction=rendered.direction, locale=rendered.locale, bundle=bundle
    )
