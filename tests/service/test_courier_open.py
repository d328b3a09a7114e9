"""An authority without a node opens what was sealed to its own keys, offline, and only what was asked for."""

from __future__ import annotations

import dataclasses
import io
import json
import stat
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from pypdf import PdfReader
from typer.testing import CliRunner

from protocol import conversations, courier
from protocol.directory import KeyPurpose
from protocol.directory.carried import read_directory, write_directory
from protocol.envelope import parse
from protocol.errors import Refused
from protocol.identifiers import NodeCode, StateCode
from protocol.json_strict import dumps
from protocol.rendering.sentences import sentences
from protocol.sealed_past import open_past
from protocol.statements import StatementType, issue
from service import exchange
from service.cli.main import app
from service.clock import SystemClock
from service.directory.identity_keys import destroy_what_is_over
from service.directory.nodeless import sign_entry
from service.keystore import FileKeyStore
from service.random_source import SystemRandomSource
from tests.protocol.sample_directory import IT_FOCAL_POINT
from tests.protocol.sample_intermediary import MD_OFFICE, give, give_own_key, intermediary_directory, revoke
from tests.service.exchange_trio import Trio, open_trio
from tests.service.test_cli_setup import Desk as NodeDesk
from tests.service.test_cli_setup import run

pytestmark = pytest.mark.anyio
PASSPHRASE = "made up, and long enough"


@pytest.fixture
async def trio(tmp_path: Path) -> AsyncIterator[Trio]:
    made = open_trio(tmp_path / "nodes")
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _nodes(tmp_path: Path) -> None:
    (tmp_path / "nodes").mkdir()


@dataclasses.dataclass
class Office:
    """The authority's own machine: its keys, a directory file, and what was brought to it."""

    home: Path

    @property
    def keys(self) -> Path:
        return self.home / "keys"

    def types(self, *words: str) -> Result:
        return CliRunner().invoke(app, list(words))

    def makes_keys(self, *more: str) -> list[dict[str, object]]:
        self.home.mkdir(exist_ok=True)
        passphrase = self.home / "passphrase"
        passphrase.write_text(PASSPHRASE)
        passphrase.chmod(0o600)
        said = self.types("intermediary", "keys", str(self.keys), *self.passphrase(), *more)
        assert said.exit_code == 0, said.output
        made: list[dict[str, object]] = json.loads(said.stdout)["keys"]
        return made

    def passphrase(self) -> list[str]:
        return ["--passphrase-file", str(self.home / "passphrase")]

    def store(self) -> FileKeyStore:
        return FileKeyStore(self.keys, PASSPHRASE.encode(), clock=SystemClock(), random=SystemRandomSource())

    def opens(
        self, trio: Trio, *envelopes: bytes, more: tuple[str, ...] = (), charter: str | None = None
    ) -> Result:
        file, directory = self.home / "stick.focalpoint", self.home / "directory.json"
        file.write_bytes(courier.pack(envelopes))
        directory.write_bytes(write_directory(trio.world.directory))
        return self.types(
            *("courier", "open", str(file), "--keys", str(self.keys), "--directory", str(directory)),
            *("--charter-digest", charter or trio.world.charter_digest, "-o", str(self.home / "opened")),
            *self.passphrase(),
            *more,
        )

    def written(self) -> dict[str, bytes]:
        return {one.name: one.read_bytes() for one in sorted((self.home / "opened").iterdir())}


async def office(trio: Trio, tmp_path: Path, *, readable: bool) -> tuple[Office, bytes]:
    """Its keys made by command and listed by its State, and a notification with identity sealed to them."""
    made = Office(tmp_path / "office")
    made.makes_keys()
    store = made.store()
    trio.wait(minutes=1)
    records = []
    for purpose, kind in (("content", KeyPurpose.SEAL_CONTENT), ("identity", KeyPurpose.SEAL_IDENTITY)):
        key = store.sealing(store.current_sealing_kid(purpose))  # type: ignore[arg-type]
        assert key is not None
        records.append(trio.world.seal_record(key, kind))
    trio.world.publish(dataclasses.replace(trio.world.authority(MD_OFFICE), sealing_keys=tuple(records)))
    give(trio.world, **({} if readable else {"procedures": ("identity",)}))
    notice = await trio.it.send(trio.to_md("case.notification", await trio.open_case(), identity=True))
    await trio.settle()
    return made, await exchange.relay_envelope(trio.iom.node, trio.iom.officer, notice.id)


async def test_the_whole_is_opened_and_printed_and_identity_stays_closed(trio: Trio, tmp_path: Path) -> None:
    desk, envelope = await office(trio, tmp_path, readable=False)
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    said = desk.opens(trio, envelope)
    assert said.exit_code == 0, said.output
    assert f"{IT_FOCAL_POINT} -> {MD_OFFICE}" in said.output
    assert "its identity part was opened and not written" in said.output
    assert set(desk.written()) == {"0001.pdf"}
    assert says_sealed(desk.written()["0001.pdf"])
    new = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert {path.name for path in new} == {"0001.pdf", "stick.focalpoint", "directory.json"}
    assert stat.S_IMODE((desk.home / "opened").stat().st_mode) == 0o700
    assert stat.S_IMODE((desk.home / "opened" / "0001.pdf").stat().st_mode) == 0o600


async def test_identity_is_printed_where_it_is_asked_for(trio: Trio, tmp_path: Path) -> None:
    desk, envelope = await office(trio, tmp_path, readable=False)
    assert desk.opens(trio, envelope, more=("--identity",)).exit_code == 0
    assert not says_sealed(desk.written()["0001.pdf"])


def says_sealed(pdf: bytes) -> bool:
    """Whether a page says that there is an identity part, and that it is not shown."""
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
    remark = sentences("en").say("identity-sealed")
    return "".join(remark.split()) in "".join(text.split())


async def test_a_part_alone_is_written_only_where_it_is_asked_for(trio: Trio, tmp_path: Path) -> None:
    desk, envelope = await office(trio, tmp_path, readable=True)
    said = desk.opens(trio, envelope)
    assert said.exit_code == 0, said.output
    assert desk.written() == {}
    (desk.home / "opened").rmdir()
    said = desk.opens(trio, envelope, more=("--identity",))
    assert said.exit_code == 0, said.output
    (part,) = desk.written().values()
    assert json.loads(part)["identity"]


async def test_never_over_another_directory_and_one_that_does_not_open_is_named(
    trio: Trio, tmp_path: Path
) -> None:
    desk, envelope = await office(trio, tmp_path, readable=False)
    body = json.loads(envelope)
    body["parts"]["statement"] = body["parts"]["header"]
    said = desk.opens(trio, dumps(body), envelope)
    assert said.exit_code == 1
    assert "opening.part_digest" in said.output
    assert set(desk.written()) == {"0002.pdf"}
    again = desk.opens(trio, envelope)
    assert again.exit_code == 2


async def test_another_charter_or_passphrase_opens_nothing(trio: Trio, tmp_path: Path) -> None:
    desk, envelope = await office(trio, tmp_path, readable=False)
    said = desk.opens(trio, envelope, charter="A" * 43)
    assert said.exit_code == 1
    assert "directory.wrong_charter" in said.output
    (desk.home / "passphrase").write_text("another, and long enough")
    said = desk.opens(trio, envelope)
    assert "keystore.passphrase" in said.output
    assert not (desk.home / "opened").exists()


def test_the_keys_are_private_and_the_next_ones_leave_the_former(tmp_path: Path) -> None:
    desk = Office(tmp_path / "office")
    first = desk.makes_keys()
    assert {one["purpose"] for one in first} == {"seal-content", "seal-identity"}
    assert not any({"d", "priv"} & one.keys() for one in first)
    assert desk.types("intermediary", "keys", str(desk.keys), *desk.passphrase()).exit_code == 1
    second = desk.makes_keys("--again")
    store = desk.store()
    assert all(store.sealing(str(one["kid"])) for one in (*first, *second))
    assert stat.S_IMODE(desk.keys.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in desk.keys.iterdir()} == {0o600}


def test_what_is_printed_is_what_an_entry_takes(tmp_path: Path) -> None:
    world = intermediary_directory()
    keys = Office(tmp_path / "office").makes_keys()
    (metadata,) = [
        dict(one)
        for path, token in world.entries.items()
        if path == "md/authority/protectia-copilului"
        for one in _claims(token)["metadata"].values()
    ]
    asked = {"network": "example", "now": world.now, "key": world.root["md"]}
    token = sign_entry(
        StateCode("md"), "authority", "protectia-copilului", {**metadata, "keys": keys}, **asked
    )
    assert _claims(token)["jwks"]["keys"] == keys


def _claims(token: str) -> dict[str, dict[str, dict[str, object]]]:
    from protocol.statements import read

    return dict(read(token, typ=StatementType.STATE_ENTRY, max_bytes=1 << 20).claims)


# --- at the State's own node --------------------------------------------------------------------------------


def test_keys_that_a_node_takes_over_open_and_nobody_seals_to_them(tmp_path: Path) -> None:
    office_, node = Office(tmp_path / "office"), NodeDesk(tmp_path / "ro")
    made = office_.makes_keys()
    settings = ["--config", node.config]
    store = node_keys(node)
    used = [store.current_sealing_kid(purpose) for purpose in ("content", "identity")]  # type: ignore[arg-type]
    for _ in range(2):
        said = run("keys", "take-over", "ro.anpdca", str(office_.keys), *office_.passphrase(), *settings)
        assert said.exit_code == 0, said.output
    store = node_keys(node)
    assert all(store.sealing(str(one["kid"])) for one in made)
    assert [store.current_sealing_kid(purpose) for purpose in ("content", "identity")] == used  # type: ignore[arg-type]
    listed = run("keys", "list", *settings)
    assert listed.stdout.count("opens earlier") == len(made)


def node_keys(node: NodeDesk) -> FileKeyStore:
    from service.cli.at_node import keystore_of, settings_of

    return keystore_of(settings_of(Path(node.config), None, None))


def test_keys_that_were_taken_over_are_destroyed_by_their_date(tmp_path: Path) -> None:
    world = intermediary_directory()
    desk = Office(tmp_path / "office")
    kids = [str(one["kid"]) for one in desk.makes_keys()]
    theirs, now = desk.store(), world.now
    ours = FileKeyStore.create(tmp_path / "node", b"k" * 32, clock=SystemClock(), random=SystemRandomSource())
    for kid in kids:
        key = theirs.sealing(kid)
        assert key is not None
        ours.take_over(MD_OFFICE, key, now + timedelta(days=60))
    directory = world.directory
    assert list(destroy_what_is_over(ours, directory, NodeCode("md"), now + timedelta(days=59))) == []
    gone = destroy_what_is_over(ours, directory, NodeCode("md"), now + timedelta(days=60))
    assert {one.kid for one in gone} == set(kids)
    assert not any(ours.sealing(kid) for kid in kids)


# --- what does not fit --------------------------------------------------------------------------------------


async def sealed(trio: Trio) -> bytes:
    trio.wait(minutes=1)
    give_own_key(trio.world)
    give(trio.world, procedures=("identity",))
    notice = await trio.it.send(trio.to_md("case.notification", await trio.open_case(), identity=True))
    await trio.settle()
    return await exchange.relay_envelope(trio.iom.node, trio.iom.officer, notice.id)


def opening(trio: Trio, envelope: bytes, *, owners: tuple[str, ...] = (MD_OFFICE,)) -> object:
    held = {key.kid: key for (owner, _), key in trio.world.sealing.items() if owner in owners}
    return open_past(
        envelope, keys=held.get, directory=trio.world.directory, procedure_of=conversations.procedure_of
    )


async def test_nobody_elses_key_opens_it(trio: Trio) -> None:
    envelope = await sealed(trio)
    with pytest.raises(Refused, match=r"sealing\.unknown_key"):
        opening(trio, envelope, owners=("int-iom", "md", "it"))


async def test_a_key_that_no_entry_of_its_recipient_listed_opens_nothing(trio: Trio) -> None:
    """Else whoever is told to seal to another's key could have this authority read it as its own."""
    envelope = await sealed(trio)
    directory = trio.world.directory
    archive = dataclasses.replace(
        directory.archive,
        held={
            name: one
            if getattr(one.entry, "address", None) != MD_OFFICE
            else dataclasses.replace(one, entry=dataclasses.replace(one.entry, sealing_keys=()))  # type: ignore[call-arg]
            for name, one in directory.archive.held.items()
        },
    )
    held = {key.kid: key for (owner, _), key in trio.world.sealing.items() if owner == MD_OFFICE}
    with pytest.raises(Refused, match=r"sealing\.unknown_key"):
        open_past(
            envelope,
            keys=held.get,
            directory=dataclasses.replace(directory, archive=archive),
            procedure_of=conversations.procedure_of,
        )


async def test_what_another_node_signed_is_not_the_senders(trio: Trio) -> None:
    envelope = await sealed(trio)
    manifest = parse(envelope).manifest
    forged = issue(StatementType.MANIFEST, dict(manifest.claims), trio.world.signing["ro"])
    body = {**json.loads(envelope), "manifest": forged.token}
    with pytest.raises(Refused, match=r"statement\.unknown_key"):
        opening(trio, dumps(body))


async def test_what_went_to_a_node_of_a_state_is_no_business_of_this_command(trio: Trio) -> None:
    await sealed(trio)
    to_it = next(data for to, data in trio.hub.carried if to == "it")
    with pytest.raises(Refused, match=r"opening\.not_for_us"):
        opening(trio, to_it)


async def test_it_opens_after_the_mandate_has_ended_and_by_an_old_directory(trio: Trio) -> None:
    envelope = await sealed(trio)
    trio.wait(hours=1)
    revoke(trio.world)
    trio.wait(days=100)
    assert opening(trio, envelope)
    file = write_directory(trio.world.directory)
    again = read_directory(file, trio.world.charter_digest)
    assert again.snapshot == trio.world.directory.snapshot
    assert again.archive.held.keys() == trio.world.directory.archive.held.keys()
    assert again.forgotten == ()
