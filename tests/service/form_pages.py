"""Pages of forms for tests: the templates of the console, without a server around them."""

from __future__ import annotations

from html.parser import HTMLParser
from types import SimpleNamespace

from service.console.drawing import draw
from service.console.forms import FormView
from service.console.words import words

__all__ = ["PICKER", "Page", "drawn", "read_page"]

PICKER = "/console/officer/codes"
_INPUTS = frozenset({"input", "select", "textarea"})
_VOID = frozenset({"input", "meta", "link", "br"})


def drawn(view: FormView, *, template: str = "forms/form.html", **more: object) -> str:
    """The partial as a page gets it."""
    return draw(
        template,
        see=SimpleNamespace(words=words(view.language)),
        form=view,
        picker_path=PICKER,
        **more,
    )


class Page(HTMLParser):
    """What a page has: ids, inputs with their names and values, labels, links."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.labelled: list[str] = []
        self.described: list[str] = []
        self.links: list[str] = []
        self.inputs: list[dict[str, str | None]] = []
        self.buttons: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.legends: list[bool] = []
        self.text: list[str] = []
        self._select: dict[str, str | None] | None = None
        self._area: dict[str, str | None] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in _VOID:
            self.open.append(tag)
        if (id_ := given.get("id")) is not None:
            self.ids.append(id_)
        if tag == "label":
            self.labelled.append(given["for"] or "")
        if "aria-describedby" in given:
            self.described += (given["aria-describedby"] or "").split()
        if tag == "a":
            self.links.append(given["href"] or "")
        if tag == "button":
            self.buttons.append((given.get("name") or "", given.get("value") or ""))
        if tag == "fieldset":
            self.legends.append(False)
        if tag == "legend":
            self.legends[-1] = True
        if tag in _INPUTS:
            self.inputs.append({"tag": tag, **given})
            self._select = self.inputs[-1] if tag == "select" else None
            self._area = self.inputs[-1] if tag == "textarea" else None
            if tag == "textarea":
                self.inputs[-1]["value"] = ""
            if tag == "select":
                self.inputs[-1]["value"] = None
        one = self._select
        if tag == "option" and one is not None and (one["value"] is None or "selected" in given):
            one["value"] = given["value"]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag
        if tag == "fieldset":
            assert self.legends.pop(), "a group without a legend"
        if tag == "select":
            self._select = None
        if tag == "textarea":
            assert self._area is not None
            # A browser drops the line end that the tag is followed by.
            self._area["value"] = (self._area["value"] or "").removeprefix("\n")
            self._area = None

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self._area is not None:
            self._area["value"] = (self._area["value"] or "") + data

    def posted(self) -> list[tuple[str, str]]:
        """What a browser posts for the page as it stands."""
        return [
            (one["name"] or "", one.get("value") or "")
            for one in self.inputs
            if one.get("type") not in ("radio", "checkbox") or "checked" in one
        ]


def read_page(html: str) -> Page:
    page = Page()
    page.feed(html)
    page.close()
    assert page.open == []
    return page
