"""Write the forms of protocol/messages into the marked block of openapi.yaml; with --check, only compare.

python scripts/openapi_forms.py            rewrite the block
python scripts/openapi_forms.py --check    exit 1 and show the difference when it is not up to date
"""

from __future__ import annotations

import difflib
import json
import sys
from pathlib import Path
from typing import Any

import yaml

from protocol.messages import FORMS
from protocol.messages.schema import openapi_schemas

DESCRIPTION = Path(__file__).resolve().parent.parent / "openapi.yaml"
BEGIN = "    # BEGIN GENERATED message forms"
END = "    # END GENERATED message forms"
WIDTH = 110


def forms() -> dict[str, Any]:
    """One component per form, and `forms`, which chooses among them by `type`."""
    components = openapi_schemas()
    made: dict[str, Any] = {
        "forms": {
            "type": "object",
            "required": ["type"],
            "discriminator": {
                "propertyName": "type",
                "mapping": {name: f"#/components/schemas/form.{name}" for name in FORMS},
            },
            "oneOf": [{"$ref": f"#/components/schemas/form.{name}"} for name in FORMS],
        }
    }
    for name in FORMS:
        properties: dict[str, Any] = {"type": {"const": name}}
        for part in ("coded", "identity"):
            component = f"{name}.{part}"
            # A form without an identity part refuses one: `false` is the schema that nothing fits.
            known = component in components
            properties[part] = {"$ref": f"#/components/schemas/{component}"} if known else False
        required = ["type", "coded"]
        if FORMS[name].identity_required:
            required.append("identity")
        made[f"form.{name}"] = {"type": "object", "properties": properties, "required": required}
    return made | components


class _Writer(yaml.SafeDumper):
    """Block style, except lists of plain values."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _sequence(writer: _Writer, items: list[Any]) -> yaml.Node:
    plain = all(isinstance(item, str | int) for item in items)
    return writer.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=plain)


_Writer.add_representer(list, _sequence)


def block() -> str:
    text = yaml.dump(forms(), Dumper=_Writer, sort_keys=False, allow_unicode=True, width=WIDTH - 4)
    assert yaml.safe_load(text) == json.loads(json.dumps(forms()))
    return "".join(f"    {line}" for line in text.splitlines(keepends=True))


def rewritten(description: str) -> str:
    """`description` with the block up to date. Everything outside the two marks stays as it is."""
    head, begin, rest = description.partition(BEGIN)
    note, newline, _ = rest.partition("\n")
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"openapi.yaml lacks the marks `{BEGIN.strip()}` and `{END.strip()}`")
    return f"{head}{begin}{note}{newline}{block()}{end}{tail}"


def main(arguments: list[str]) -> int:
    now = DESCRIPTION.read_text("utf-8")
    wanted = rewritten(now)
    if "--check" not in arguments:
        DESCRIPTION.write_text(wanted, "utf-8")
        return 0
    difference = list(
        difflib.unified_diff(
            now.splitlines(), wanted.splitlines(), "openapi.yaml", "from protocol/messages", lineterm="", n=1
        )
    )
    if difference:
        print("\n".join(difference[:60]))
        print("openapi.yaml is not up to date: run `python scripts/openapi_forms.py`")
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
