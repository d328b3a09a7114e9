"""What every test of a form begins with: a sample with something changed, and the refusal that follows."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.errors import NotAcceptable
from protocol.messages import validate
from tests.protocol.sample_contents import SampleContent, sample

__all__ = ["changed", "refusal_of"]


def refusal_of(content: SampleContent) -> NotAcceptable:
    with pytest.raises(NotAcceptable) as caught:
        validate(content)
    return caught.value


def changed(message_type: str, **coded: Any) -> SampleContent:
    """The sample with other coded fields. A field set to None is left out."""
    content = sample(message_type)
    content.coded.update(coded)
    for name in [name for name, value in coded.items() if value is None]:
        del content.coded[name]
    return content
