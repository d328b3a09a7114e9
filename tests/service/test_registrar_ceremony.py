"""The keepers' ceremony by its commands: each signs on a machine of its own, enough of them file it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from protocol.directory import key_record
from protocol.statements import LocalSigningKey
from service.cli.main import app
from service.directory.papers import read_papers

PASSPHRASE = "made up for this test alone"


class Table:
    """Around which the keepers sit."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.passphrase = base / "passphrase"
        self.passphrase.write_text(PASSPHRASE)
        self.passphrase.chmod(0o600)
        self.papers = base / "papers"
        self.number = 0

    def run(self, *words: str | Path) -> Result:
        return CliRunner().invoke(app, ["registrar", *map(str, words)])

    def good(self, *words: str | Path) -> Result:
        result = self.run(*words)
        assert result.exit_code == 0, result.output
        return result

    def key(self, name: str) -> Path:
        made = self.good("key", self.base / f"{name}.pem", "--root-passphrase-file", self.passphrase)
        public = self.base / f"{name}.json"
        public.write_text(made.stdout)
        return public

    def proposal(self, *words: str | Path) -> Path:
        self.number += 1
        target = self.base / f"proposal-{self.number}.json"
        self.good(words[0], target, *words[1:])
        return target

    def sign(self, target: Path, *names: str) -> None:
        for name in names:
            self.good(
                "sign", target, "--key", self.base / f"{name}.pem", "--yes",
                "--root-passphrase-file", self.passphrase,
            )  # fmt: skip

    def found(self) -> None:
        keys = [word for name in ("a", "b", "c") for word in ("--key", self.key(name))]
        target = self.proposal(
            "charter", "--network", "example", "--threshold", "2", *keys, "--snapshot-key", self.key("snap")
        )
        self.sign(target, "a", "c")
        self.good("publish", target, "--papers", self.papers)

    def admit(self, member: str) -> None:
        now = datetime.now(UTC).replace(microsecond=0)
        key = LocalSigningKey.from_seed(None, member.encode().ljust(32, b"0"))
        record = key_record(
            key.public,
            not_before=now,
            signing_until=now + timedelta(days=365),
            verify_until=now + timedelta(days=3650),
        )
        request = self.base / f"{member}.request.json"
        request.write_text(json.dumps({"member": member, "node": member, "root_key": record.to_json()}))
        target = self.proposal("admit", "--papers", self.papers, "--request", request)
        self.sign(target, "a", "b")
        self.good("publish", target, "--papers", self.papers)


@pytest.fixture
def table(tmp_path: Path) -> Table:
    laid = Table(tmp_path)
    laid.found()
    return laid


def test_two_of_three_found_a_network_and_admit_a_member(table: Table) -> None:
    table.admit("ro")
    papers = read_papers(table.papers)
    assert papers.rules.sequence == 1
    assert [one.member for one in papers.admissions.values()] == ["ro"]


def test_one_keeper_alone_files_nothing(table: Table) -> None:
    table.admit("ro")
    target = table.proposal("suspend", "--papers", table.papers, "--member", "ro")
    table.sign(target, "a", "a")
    refused = table.run("publish", target, "--papers", table.papers)
    assert refused.exit_code == 1
    assert "directory.below_threshold" in refused.output
    assert not read_papers(table.papers).admissions["ro"].suspended


def test_every_step_shows_its_effect_and_does_nothing_when_dry(table: Table, tmp_path: Path) -> None:
    table.admit("ro")
    before = {path: path.read_bytes() for path in table.papers.rglob("*") if path.is_file()}
    dry = tmp_path / "dry.json"
    shown = table.good("suspend", dry, "--papers", table.papers, "--member", "ro", "--dry-run")
    assert "ro stops being served" in shown.output
    assert not dry.exists()
    target = table.proposal("suspend", "--papers", table.papers, "--member", "ro")
    unsigned = target.read_bytes()
    table.good(
        "sign", target, "--key", tmp_path / "a.pem", "--dry-run", "--root-passphrase-file", table.passphrase
    )
    assert target.read_bytes() == unsigned
    table.sign(target, "a", "b")
    table.good("publish", target, "--papers", table.papers, "--dry-run")
    assert {path: path.read_bytes() for path in table.papers.rglob("*") if path.is_file()} == before


def test_a_suspension_and_a_readmission_follow_each_other_and_the_old_ones_are_kept(table: Table) -> None:
    table.admit("ro")
    for word, suspended in (("suspend", True), ("readmit", False)):
        target = table.proposal(word, "--papers", table.papers, "--member", "ro")
        table.sign(target, "b", "c")
        table.good("publish", target, "--papers", table.papers)
        assert read_papers(table.papers).admissions["ro"].suspended is suspended
    kept = sorted(path.name for path in (table.papers / "admissions" / "former").iterdir())
    assert kept == ["ro-1.json", "ro-2.json"]
    again = table.run("publish", target, "--papers", table.papers)
    assert "directory.admission_rollback" in again.output


def test_keepers_who_signed_apart_are_put_together(table: Table, tmp_path: Path) -> None:
    table.admit("ro")
    target = table.proposal("suspend", "--papers", table.papers, "--member", "ro")
    other = tmp_path / "copy.json"
    other.write_bytes(target.read_bytes())
    table.sign(target, "a")
    table.sign(other, "b")
    table.good("publish", target, other, "--papers", table.papers)
    assert read_papers(table.papers).admissions["ro"].suspended


def test_the_charter_is_handed_over_by_old_keepers_and_new_ones_together(table: Table) -> None:
    table.admit("ro")
    table.admit("it")
    new = [word for name in ("d", "e", "f") for word in ("--key", table.key(name))]
    target = table.proposal("rotate-charter", "--papers", table.papers, *new, "--without", "it")
    shown = table.good("show", target, "--papers", table.papers).output
    assert "it is taken out of the network" in shown
    table.sign(target, "d", "e")
    refused = table.run("publish", target, "--papers", table.papers)
    assert "former keepers" in refused.output
    table.sign(target, "b", "c")
    table.good("publish", target, "--papers", table.papers)
    papers = read_papers(table.papers)
    assert (papers.rules.sequence, sorted(papers.admissions)) == (2, ["ro"])
    # The former keepers decide nothing any more.
    after = table.proposal("suspend", "--papers", table.papers, "--member", "ro")
    table.sign(after, "a", "b")
    assert "directory.below_threshold" in table.run("publish", after, "--papers", table.papers).output
    table.sign(after, "d", "f")
    table.good("publish", after, "--papers", table.papers)


def test_a_charter_proposed_before_an_admission_is_not_filed_after_it(table: Table) -> None:
    table.admit("ro")
    target = table.proposal("rotate-charter", "--papers", table.papers)
    table.sign(target, "a", "b")
    suspension = table.proposal("suspend", "--papers", table.papers, "--member", "ro")
    table.sign(suspension, "a", "b")
    table.good("publish", suspension, "--papers", table.papers)
    refused = table.run("publish", target, "--papers", table.papers)
    assert "directory.superseded_charter" in refused.output
    assert read_papers(table.papers).admissions["ro"].suspended


def altered(value: dict[str, Any]) -> str:
    return json.dumps({**value, "kind": "fp-snapshot+jws"})


def test_what_is_no_proposal_is_refused(table: Table, tmp_path: Path) -> None:
    table.admit("ro")
    target = table.proposal("suspend", "--papers", table.papers, "--member", "ro")
    strange = tmp_path / "strange.json"
    for text, code in (
        ("{", "statement.malformed"),
        (altered(json.loads(target.read_text())), "statement.wrong_type"),
    ):
        strange.write_text(text)
        assert code in table.run("show", strange).output
    unknown = table.run("suspend", strange, "--papers", table.papers, "--member", "fr")
    assert "directory.not_admitted" in unknown.output
