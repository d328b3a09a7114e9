"""The command as an officer uses it: against the real API over HTTP, with the use cases in memory."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from click.testing import Result
from typer.testing import CliRunner

from service.cli.main import GROUPS, app
from service.exchange.views import Submission
from tests.protocol.sample_case import sample_case
from tests.service.api_stand import OURS, THEIRS, Stand, message_id, submission
from tests.service.fake_exchange import EXAMPLE_CASE

UP_WITHIN = 10
"""Seconds. Only a failing test waits that long."""


@dataclass(kw_only=True)
class Desk:
    """A terminal beside a node: what is typed there goes over loopback to the stand."""

    stand: Stand
    directory: Path
    api: str

    def types(self, *words: str, role: str = "case-officer", stdin: str | None = None) -> Result:
        where = ("--network", str(self.directory), "--node", "it", "--role", role)
        return CliRunner().invoke(app, [*words, *where], input=stdin)

    def has_sent(self, number: int = 1) -> str:
        """Somebody here sent a message."""
        asyncio.run(self.stand.settle_protection())
        sent = asyncio.run(self.stand.as_("case-officer").post("/v1/messages", json=submission(number)))
        assert sent.status_code == 202, sent.text
        return message_id(number)

    def has_received(self, number: int) -> str:
        """The other State sent one."""
        body = submission(number, sender=THEIRS, recipient=OURS)
        fields: dict[str, Any] = {
            "thread": None,
            "in_reply_to": None,
            "urgency": "ordinary",
            "identity": None,
        }
        self.stand.exchange.add_message(
            self.stand.node, Submission(**(fields | body | {"narrative": ()})), direction="in"
        )
        return message_id(number)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    stand = Stand()
    server = uvicorn.Server(uvicorn.Config(stand.app, port=0, log_config=None, lifespan="off"))
    serving = threading.Thread(target=server.run, daemon=True)
    serving.start()
    until = time.monotonic() + UP_WITHIN
    while not server.started:
        assert time.monotonic() < until
        time.sleep(0.005)
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    node = {
        "code": "it",
        "api": f"http://{host}:{port}",
        "clients": {
            "case-officer": [stand.token("case-officer"), stand.token("case-officer", person="person-2")],
            "operator": stand.token("operator"),
            "supervisor": stand.token("supervisor", person="person-2"),
        },
    }
    (tmp_path / "network.json").write_text(json.dumps({"nodes": [node]}))
    yield Desk(stand=stand, directory=tmp_path, api=node["api"])
    server.should_exit = True
    serving.join(UP_WITHIN)


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.json"
    path.write_text(json.dumps(submission(7)))
    return path


def test_every_command_there_is_explains_itself() -> None:
    for name in GROUPS:
        said = CliRunner().invoke(app, [name, "--help"])
        assert said.exit_code == 0, name
        assert "Usage" in said.output


def test_a_message_is_sent_from_a_file_and_sending_it_again_is_the_same(desk: Desk, letter: Path) -> None:
    asyncio.run(desk.stand.settle_protection())
    first, again = desk.types("send", str(letter)), desk.types("send", str(letter))
    assert first.exit_code == 0, first.output
    assert message_id(7) in first.output
    assert "an answer is due by" in first.output
    assert again.output == first.output
    assert len(desk.stand.exchange.messages) == 1


def test_a_message_may_come_from_standard_input_and_then_gets_an_id_that_is_said(desk: Desk) -> None:
    asyncio.run(desk.stand.settle_protection())
    body = submission(1)
    del body["id"]
    sent = desk.types("send", "-", stdin=json.dumps(body))
    assert sent.exit_code == 0, sent.output
    assert desk.stand.exchange.messages[0].id in sent.stderr


def test_a_refusal_says_what_is_missing_who_supplies_it_and_on_what_ground(desk: Desk, letter: Path) -> None:
    refused = desk.types("send", str(letter))
    assert refused.exit_code == 1
    assert "safeguard.international_protection" in refused.stderr
    assert "missing: " in refused.stderr
    assert "Source: " in refused.stderr
    assert desk.stand.exchange.messages == []


def test_a_dry_run_says_what_would_come_of_it_and_sends_nothing(desk: Desk, letter: Path) -> None:
    blocked = desk.types("send", str(letter), "--dry-run")
    assert blocked.exit_code == 1
    assert "would be refused" in blocked.output
    asyncio.run(desk.stand.settle_protection())
    good = desk.types("send", str(letter), "--dry-run")
    assert good.exit_code == 0
    assert "would be accepted" in good.output
    assert desk.stand.exchange.messages == []


def test_the_inbox_shows_what_came_in_and_a_cursor_to_go_on_from(desk: Desk) -> None:
    desk.has_sent(1)
    desk.has_received(2)
    shown = desk.types("inbox")
    assert shown.exit_code == 0, shown.output
    assert message_id(2) in shown.output
    assert message_id(1) not in shown.output
    cursor = shown.output.splitlines()[-1].removeprefix("cursor ")
    assert desk.types("inbox", "--after", cursor).output.splitlines() == [f"cursor {cursor}"]


def test_what_was_collected_leaves_the_inbox_unless_all_is_asked_for(desk: Desk) -> None:
    received = desk.has_received(3)
    collected = desk.types("collect", received)
    assert collected.exit_code == 0, collected.output
    assert "collected at" in collected.output
    assert received not in desk.types("inbox").output
    assert received in desk.types("inbox", "--all").output


def test_a_message_is_shown_in_the_readers_language(desk: Desk) -> None:
    shown = desk.types("show", desk.has_sent(), "--lang", "es")
    assert shown.exit_code == 0, shown.output
    assert shown.output.strip()


def test_an_identity_part_is_shown_only_when_its_release_is_asked_for_with_a_reason(desk: Desk) -> None:
    sent = desk.has_sent()
    assert "Example Child" not in desk.types("show", sent, role="supervisor").output
    refused = desk.types("show", sent, "--release-identity", "home-visit")
    assert refused.exit_code == 1
    assert "Example Child" not in refused.output + refused.stderr
    asked = desk.types("approvals", "--release", sent, "--reason", "home-visit")
    assert asked.exit_code == 0, asked.output
    assert "Example Child" not in asked.output
    approval = asked.output.split()[0]
    assert approval in desk.types("approvals", "--state", "proposed").output
    own = desk.types("approve", approval)
    assert own.exit_code == 1
    assert "access.second_person" in own.output + own.stderr
    decided = desk.types("approve", approval, role="supervisor")
    assert "approved" in decided.output, decided.output
    released = desk.types("show", sent, "--release-identity", "home-visit")
    assert "Example Child" in released.output


def test_a_pdf_goes_into_a_new_file_and_can_be_named_when_collecting(desk: Desk, tmp_path: Path) -> None:
    received, file = desk.has_received(3), tmp_path / "shown.pdf"
    bare = desk.types("show", received, "--format", "pdf")
    assert bare.exit_code == 2
    written = desk.types("show", received, "--lang", "ar", "--format", "pdf", "-o", str(file))
    assert written.exit_code == 0, written.output
    assert file.read_bytes().startswith(b"%PDF-1.7")
    collected = desk.types("collect", received, "--shown", str(file), "--lang", "ar")
    assert collected.exit_code == 0, collected.output
    assert "the evidence names the rendering" in collected.output


def test_a_timeline_goes_into_a_file_too(desk: Desk, tmp_path: Path) -> None:
    desk.has_sent()
    told = desk.types("timeline", EXAMPLE_CASE, "--format", "pdf", "-o", str(tmp_path / "timeline.pdf"))
    assert told.exit_code == 0, told.output
    assert (tmp_path / "timeline.pdf").read_bytes().startswith(b"%PDF-1.7")


def test_a_timeline_names_the_authorities_as_the_directory_does(desk: Desk) -> None:
    desk.has_sent()
    told = desk.types("timeline", EXAMPLE_CASE)
    assert told.exit_code == 0, told.output
    assert "Case opened" in told.output
    assert "Notification of a child's case" in told.output


def test_the_directory_is_listed_and_an_entry_shown_whole(desk: Desk) -> None:
    listed = desk.types("directory", "list", "--state", "ro")
    assert THEIRS in listed.output
    assert OURS not in listed.output
    assert json.loads(desk.types("directory", "show", THEIRS).output)["address"] == THEIRS
    unknown = desk.types("directory", "show", "ro.nobody")
    assert unknown.exit_code == 1
    assert "directory.unknown_authority" in unknown.stderr


def test_a_role_without_the_scope_is_told_so(desk: Desk) -> None:
    refused = desk.types("inbox", role="operator")
    assert refused.exit_code == 1
    assert "access.scope" in refused.stderr


def test_a_node_elsewhere_is_reached_by_address_and_token_file(desk: Desk, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(desk.stand.token("case-officer") + "\n")
    shown = CliRunner().invoke(app, ["inbox", "--api", desk.api, "--token-file", str(token)])
    assert shown.exit_code == 0, shown.output


def test_a_node_that_does_not_answer_has_an_exit_status_of_its_own(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("nothing")
    shown = CliRunner().invoke(app, ["inbox", "--api", "http://127.0.0.1:9", "--token-file", str(token)])
    assert shown.exit_code == 3
    assert "ask again" in shown.stderr


@pytest.mark.parametrize(
    "words",
    [
        pytest.param((), id="no node at all"),
        pytest.param(("--node", "it"), id="a node of no network"),
        pytest.param(("--api", "http://127.0.0.1:9"), id="an address without a token"),
    ],
)
def test_a_command_without_a_node_says_how_to_name_one(words: tuple[str, ...]) -> None:
    said = CliRunner().invoke(app, ["inbox", *words])
    assert said.exit_code == 2
    assert "--network" in said.stderr


def test_a_network_that_does_not_run_is_told_with_the_way_to_start_it(tmp_path: Path) -> None:
    said = CliRunner().invoke(app, ["inbox", "--network", str(tmp_path), "--node", "it"])
    assert said.exit_code == 1
    assert "network.not_running" in said.stderr
    assert "network up" in said.stderr


# -- verify


@pytest.fixture(scope="module")
def case() -> tuple[dict[str, Any], str]:
    """A case's evidence, and the digest of its charter."""
    exported = sample_case()
    return json.loads(exported.export()), exported.world.charter_digest


def verified(tmp_path: Path, bundle: object, digest: str, *more: str) -> Result:
    file = tmp_path / "evidence.json"
    file.write_text(json.dumps(bundle))
    return CliRunner().invoke(app, ["verify", str(file), "--charter-digest", digest, *more])


def test_a_whole_bundle_verifies_offline_and_shows_what_it_proves(
    tmp_path: Path, case: tuple[dict[str, Any], str]
) -> None:
    said = verified(tmp_path, *case)
    assert said.exit_code == 0, said.output
    assert "Request for a social inquiry: it.servizio-minori" in said.output
    assert "Content collected" in said.output
    assert "Whole: every signature is valid" in said.output
    assert said.stderr == ""


def test_the_report_is_in_the_language_asked_for(tmp_path: Path, case: tuple[dict[str, Any], str]) -> None:
    assert "Whole" not in (french := verified(tmp_path, *case, "--lang", "fr")).output
    assert "Demande" in french.output


def altered(bundle: dict[str, Any]) -> None:
    links = bundle["messages"][0]["evidence"]
    links[1] = links[1][:-8] + ("A" if links[1][-8] != "A" else "B") + links[1][-7:]


def shortened(bundle: dict[str, Any]) -> None:
    del bundle["messages"][0]["evidence"][1]


def reordered(bundle: dict[str, Any]) -> None:
    links = bundle["messages"][0]["evidence"]
    links[1], links[2] = links[2], links[1]


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        pytest.param(altered, "evidence.altered", id="a link was altered"),
        pytest.param(shortened, "evidence.missing", id="a link was taken out"),
        pytest.param(reordered, "evidence.reordered", id="two links changed places"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    tmp_path: Path, case: tuple[dict[str, Any], str], harm: Any, code: str
) -> None:
    bundle = json.loads(json.dumps(case[0]))
    harm(bundle)
    said = verified(tmp_path, bundle, case[1])
    assert said.exit_code == 1
    assert code in said.output
    assert f"messages/{bundle['messages'][0]['id']}/evidence/" in said.stderr


@pytest.mark.parametrize(
    "bundle", [pytest.param([], id="a list"), pytest.param({"format": "?"}, id="another format")]
)
def test_a_file_that_is_no_bundle_is_not_whole(tmp_path: Path, bundle: object) -> None:
    assert verified(tmp_path, bundle, "A" * 43).exit_code == 1


def test_another_charter_proves_nothing(tmp_path: Path, case: tuple[dict[str, Any], str]) -> None:
    said = verified(tmp_path, case[0], "A" * 43)
    assert said.exit_code == 1
    assert "Whole" not in said.output
