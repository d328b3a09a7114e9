"""The page under an account of its own: what it can do, what it cannot, and who says who may enter."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import tempfile
import traceback
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from adapters.kit.settings import SettingsError
from adapters.relay.desk import DeskBook
from adapters.relay.spool import Spool
from adapters.relay.web import page_app
from tests.adapters.test_relay_page import ANSWERS, MESSAGE, NOW, REPLY, WHO

DESK, PAGE, STRANGER, SHARED = 61_001, 61_002, 61_003, 61_010
"""Accounts of nobody, and a group of the first two."""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def as_account(uid: int, work: Callable[[], None], *, groups: tuple[int, ...] = ()) -> None:
    """`work` in a process of that account, as careful as a service: umask 077."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups(groups)
            os.setgid(uid)
            os.setuid(uid)
            os.umask(0o077)
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def gives_links(state: Path, spool: Path) -> None:
    book = DeskBook(state, spool=spool)
    for number in range(3):
        token, _ = book.new_link(
            f"{number}{MESSAGE[1:]}", REPLY, "en", narrative=False, lasting=timedelta(days=1), now=NOW
        )
        (spool / f"token-{number}").write_text(token)
        (spool / f"token-{number}").chmod(0o640)
    book.close()


def answers(spool: Path, number: int) -> None:
    """As somebody does on the page, which has the spool alone."""
    own = Spool(spool)
    app = page_app(own, intermediary=WHO, now=lambda: NOW)
    where = f"/reply/{(spool / f'token-{number}').read_text()}"

    async def answered() -> None:
        transport = httpx.ASGITransport(app=app, client=("192.0.2.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="https://relay.example") as browser:
            assert (await browser.get(where)).status_code == 200
            assert (await browser.post(where, data=ANSWERS)).status_code == 200

    asyncio.run(answered())
    own.close()


def reads(state: Path, spool: Path, count: int) -> None:
    book = DeskBook(state, spool=spool)
    replies = [book.reply(one.id) for one in book.waiting()]
    assert len(replies) == count
    assert all(one is not None and one[2]["values"] == ANSWERS for one in replies)
    book.close()


def whole_day(state: Path, spool: Path) -> None:
    gives_links(state, spool)
    answers(spool, 0)
    reads(state, spool, 1)


@pytest.fixture
def home() -> Iterator[Path]:
    """Where every account may pass through: a test's own directory is for one alone."""
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: needs root, to be two accounts at once")
    made = Path(tempfile.mkdtemp())
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


def test_two_accounts_share_the_spool_and_nothing_else_however_often_either_starts(home: Path) -> None:
    state, spool = home / "state", home / "spool"
    for directory, group, bits in ((state, DESK, 0o700), (spool, SHARED, 0o2770)):
        directory.mkdir()
        os.chown(directory, DESK, group)
        directory.chmod(bits)

    def once() -> None:
        DeskBook(state, spool=spool).close()

    both = (SHARED,)
    whole_day(home / "before", home / "before-spool")  # whatever is imported late, these accounts cannot read
    as_account(DESK, once, groups=both)
    as_account(DESK, lambda: gives_links(state, spool), groups=both)
    as_account(PAGE, lambda: answers(spool, 0), groups=both)
    as_account(DESK, lambda: reads(state, spool, 1), groups=both)
    as_account(PAGE, lambda: answers(spool, 1), groups=both)
    as_account(DESK, once, groups=both)  # the worker started again, and the page is not locked out
    as_account(PAGE, lambda: answers(spool, 2), groups=both)
    as_account(DESK, lambda: reads(state, spool, 3), groups=both)
    assert mode(spool) == 0o2770
    assert (mode(spool / "spool.db"), mode(spool / "desk.pub")) == (0o660, 0o640)
    assert mode(state) == 0o700

    def kept_out() -> None:
        for path in (state / "desk.db", state / "desk.key"):
            with pytest.raises(PermissionError):
                path.read_bytes()
        with pytest.raises(PermissionError):
            os.listdir(state)

    as_account(PAGE, kept_out, groups=both)

    def locked_out() -> None:
        with pytest.raises(SettingsError, match="no spool that this account may use"):
            Spool(spool)

    as_account(STRANGER, locked_out)


def test_what_the_desk_makes_for_itself_is_for_its_account_alone(tmp_path: Path) -> None:
    book = DeskBook(tmp_path / "desk")
    assert mode(tmp_path / "desk" / "spool") == 0o700
    assert mode(tmp_path / "desk" / "spool" / "spool.db") == 0o600
    assert mode(tmp_path / "desk" / "desk.key") == 0o600
    book.close()


@pytest.mark.parametrize(("bits", "said"), [(0o2775, "others may enter"), (0o770, "expected mode 2770")])
def test_a_directory_that_lets_in_too_many_is_refused(tmp_path: Path, bits: int, said: str) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    spool.chmod(bits)
    with pytest.raises(SettingsError, match=said):
        DeskBook(tmp_path / "desk", spool=spool)
    assert mode(spool) == bits


def test_a_page_without_a_desk_says_so_and_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="start the desk first"):
        Spool(tmp_path / "spool")
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_is_not_the_desks_is_not_sealed_to(tmp_path: Path) -> None:
    DeskBook(tmp_path / "one").close()
    DeskBook(tmp_path / "other").close()
    foreign = (tmp_path / "other" / "spool" / "desk.pub").read_bytes()
    (tmp_path / "one" / "spool" / "desk.pub").write_bytes(foreign)
    with pytest.raises(SettingsError, match="not of the desk's key"):
        DeskBook(tmp_path / "one")


def test_a_key_that_is_gone_is_not_replaced_in_silence(tmp_path: Path) -> None:
    DeskBook(tmp_path / "desk").close()
    key = tmp_path / "desk" / "desk.key"
    kept = key.read_bytes()
    key.unlink()
    with pytest.raises(SettingsError, match="bring it back"):
        DeskBook(tmp_path / "desk")
    assert not key.exists()
    key.write_bytes(kept)
    DeskBook(tmp_path / "desk").close()
