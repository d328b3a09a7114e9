"""A workbook is brought to a real node: nothing lost, nothing doubled, nothing shown."""

from __future__ import annotations

import asyncio
import contextlib
import random
import resource
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from adapters.htcds import importing
from adapters.htcds.exporting import bring_out
from adapters.htcds.importing import Refusal, Stopped, Totals, Wanted, bring_in, report_to
from adapters.htcds.workbook import opened, written
from adapters.kit import pace as pacing
from adapters.kit.memory import glance
from service import exchange
from service.access.roles import Role
from tests.adapters.htcds_stage import OFFICE, PLANTED, Stage, file_of, good, reported

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    # What failed is tried again soon, so that a test is no lesson in patience.
    monkeypatch.setattr(pacing, "_FIRST", timedelta(milliseconds=1))
    made = Stage.at(tmp_path)
    yield made
    made.node.close()


async def test_each_row_becomes_one_case_and_nothing_leaves_before_its_protection_is_settled(
    stage: Stage, tmp_path: Path
) -> None:
    file = file_of(tmp_path / "a.xlsx", [good(1), {}, good(2), good(3, con_Consent=False)])
    totals = await stage.bring(file, report=tmp_path / "r.csv")
    assert totals.rows == {"held": 2, "not-sent": 1}
    assert (stage.cases(), stage.messages()) == (2, [])
    lines = reported(tmp_path / "r.csv")
    rows = {line["row"]: (line["outcome"], line["code"]) for line in lines if not line["column"]}
    unsettled = ("held", "node.safeguard.international_protection")
    assert rows == {"3": unsettled, "5": unsettled, "6": ("not-sent", "consent.refused")}
    held = {line["case"] for line in lines if line["outcome"] == "held"}
    assert held == {row[0] for row in stage.rows("SELECT reference FROM case_file")}
    assert {line["column"] for line in lines if line["row"] == "3" and line["outcome"] == "understood"} >= {
        "prs_FirstName",
        "prs_Citizenship",
    }
    await stage.node.pair.settle()
    assert stage.node.pair.hub.carried == []
    assert await stage.settle_protection() == 2
    assert (await stage.bring(file)).rows == {"sent": 2, "not-sent": 1}
    assert {case for _, case in stage.messages()} == held
    assert (await stage.bring(file)).rows == {"already": 2, "not-sent": 1}
    assert (stage.cases(), len(stage.messages())) == (2, 2)
    await stage.node.pair.settle()
    assert stage.node.pair.hub.carried != []


async def test_a_case_whose_child_seeks_protection_is_never_sent(stage: Stage, tmp_path: Path) -> None:
    file = file_of(tmp_path / "a.xlsx", [good(1)])
    await stage.bring(file)
    ((reference,),) = stage.rows("SELECT reference FROM case_file")
    await exchange.set_protection(
        stage.node.node, stage.node.actor(Role.CASE_OFFICER), reference, "sought", "claim"
    )
    assert (await stage.bring(file)).rows == {"held": 1}
    assert (stage.cases(), stage.messages()) == (1, [])


async def test_without_send_nothing_is_stored_and_the_node_is_asked_all_the_same(
    stage: Stage, tmp_path: Path
) -> None:
    before = stage.node.tables("access_journal", "adapter")
    file = file_of(tmp_path / "a.xlsx", [good(1), good(2, prs_Citizenship="FR"), good(3, con_Consent=None)])
    totals = await stage.bring(file, send=False, declares_no_danger=False, report=tmp_path / "r.csv")
    assert totals.rows == {"would-be-sent": 1, "refused": 1, "not-sent": 1}
    assert stage.node.tables("access_journal", "adapter") == before
    refusals = [line["code"] for line in reported(tmp_path / "r.csv") if line["outcome"] == "refused"]
    assert refusals
    assert all(code.startswith("node.") for code in refusals)


async def test_nothing_is_sent_unless_a_person_declares_that_it_endangers_nobody(
    stage: Stage, tmp_path: Path
) -> None:
    file = file_of(tmp_path / "a.xlsx", [good(1)])
    with pytest.raises(Refusal) as refusal:
        await stage.bring(file, declares_no_danger=False)
    assert refusal.value.code == "import.no_danger_not_declared"
    assert (stage.cases(), stage.messages()) == (0, [])


async def test_an_office_that_may_not_notify_opens_no_case(stage: Stage, tmp_path: Path) -> None:
    file = file_of(tmp_path / "a.xlsx", [good(1)])
    with pytest.raises(Refusal):
        await stage.bring(file, office="it.nobody")
    assert stage.cases() == 0


async def test_what_the_node_would_refuse_leaves_no_empty_case(stage: Stage, tmp_path: Path) -> None:
    file = file_of(tmp_path / "a.xlsx", [good(1, prs_Citizenship="FR"), good(2)])
    totals = await stage.bring(file)
    assert totals.rows == {"refused": 1, "held": 1}
    assert stage.cases() == 1


async def test_the_same_file_again_and_in_another_order_sends_nothing_twice(
    stage: Stage, tmp_path: Path
) -> None:
    nameless = good(4, prs_FirstName=None)
    rows = [good(1), good(2), nameless, good(3), nameless]
    await stage.bring_all(file_of(tmp_path / "a.xlsx", rows))
    first = stage.messages()
    assert len(first) == stage.cases() == 5  # two children of whom nobody wrote a name are two
    again = await stage.bring(file_of(tmp_path / "b.xlsx", [{}, *reversed(rows)]))
    assert again.rows == {"already": 5}
    assert stage.messages() == first
    assert stage.cases() == 5


async def test_with_its_memory_lost_but_for_the_secret_it_still_doubles_nothing(
    stage: Stage, tmp_path: Path
) -> None:
    file = file_of(tmp_path / "a.xlsx", [good(1), good(2)])
    await stage.bring_all(file)
    for kept in (stage.directory / "state").glob("memory.db*"):
        kept.unlink()
    totals = await stage.bring(file)
    assert totals.rows == {"sent": 2}
    assert (stage.cases(), len(stage.messages())) == (2, 2)


@pytest.mark.parametrize("named", [{}, {"prs_Birthdate": None}, {"prs_FirstName": None}])
async def test_what_is_edited_and_never_carried_makes_no_new_row(
    stage: Stage, tmp_path: Path, named: dict[str, Any]
) -> None:
    first = good(1, cas_Status="Open", prs_Gender="Female", **named)
    await stage.bring_all(file_of(tmp_path / "a.xlsx", [first]))
    edited = {**first, "cas_Status": "Closed", "prs_Gender": None, "cas_IncomingReferralDetails": "Planted"}
    edited |= {"vic_MethodsOfControl": f"{first['vic_MethodsOfControl']};Nonsense", "con_Consent": "true"}
    assert (await stage.bring(file_of(tmp_path / "b.xlsx", [edited]))).rows == {"already": 1}
    assert stage.cases() == len(stage.messages()) == 1


@pytest.mark.parametrize(
    "edit",
    [
        {"vic_TypeOfExploitation": "ForcedLabour"},
        {"prs_Birthdate": datetime(2013, 6, 17)},
        {"prs_Birthdate": None},
        {"prs_Birthdate": "2013"},
        {"prs_FirstName": "planted-fírst "},
        {"prs_FirstName": "Planted-Second-1", "prs_SecondName": "Planted-First"},
        {"prs_Email": "another@example.org"},
    ],
)
async def test_a_row_that_may_be_the_same_child_opens_no_case_before_a_person_has_looked(
    stage: Stage, tmp_path: Path, edit: dict[str, Any]
) -> None:
    await stage.bring(file_of(tmp_path / "a.xlsx", [good(1)]))
    file = file_of(tmp_path / "b.xlsx", [good(1, **edit), good(2)])
    for identity in (True, False):
        report = tmp_path / f"{identity}.csv"
        totals = await stage.bring(file, report=report, with_identity=identity)
        assert totals.rows == {"undecided": 1, "held": 1}
        (line,) = [line for line in reported(report) if line["outcome"] == "undecided"]
        assert (line["row"], line["code"], line["case"]) == ("3", "row.same_person", "")
        assert "--another-child" in line["reason"]
        assert stage.cases() == 2
    dry = await stage.bring(file, send=False)
    assert dry.rows == {"undecided": 1, "would-be-sent": 1}
    # One who has looked says that it is another child: from then on it goes its way like any.
    assert (await stage.bring(file, another_child=frozenset({3}))).rows == {"held": 2}
    assert stage.cases() == 3
    await stage.settle_protection()
    assert (await stage.bring(file)).rows == {"sent": 2}


async def test_two_rows_of_one_file_that_may_be_one_child_notify_once(stage: Stage, tmp_path: Path) -> None:
    file = file_of(tmp_path / "a.xlsx", [good(1), good(2), good(1), good(1, prs_Email=None)])
    for _ in range(2):
        assert (await stage.bring(file)).rows == {"held": 2, "undecided": 2}
    assert stage.cases() == 2
    await stage.settle_protection()
    assert (await stage.bring(file)).rows == {"sent": 2, "undecided": 2}


async def test_another_birth_or_another_name_is_another_child(stage: Stage, tmp_path: Path) -> None:
    rows = [good(1), good(2), good(1, prs_Birthdate=datetime(2010, 6, 17))]
    assert (await stage.bring(file_of(tmp_path / "a.xlsx", rows))).rows == {"held": 3}


async def test_a_kill_after_a_case_was_opened_forgets_nobody(stage: Stage, tmp_path: Path) -> None:
    stage.transport.every = 1
    async with stage.desk() as desk:
        with opened(file_of(tmp_path / "a.xlsx", [good(1)])) as workbook, report_to(None) as said:
            wanted = Wanted(office=OFFICE, send=True, declares_no_danger=True, first_contact_declared=True)
            task = asyncio.create_task(bring_in(workbook, desk, wanted, said))
            stage.transport.every = 0
            while not stage.cases():
                await asyncio.sleep(0)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    edited = file_of(tmp_path / "b.xlsx", [good(1, vic_TypeOfExploitation="ForcedLabour")])
    assert (await stage.bring(edited)).rows == {"undecided": 1}
    assert stage.cases() == 1


async def test_namesakes_without_end_are_left_to_a_person_and_take_no_time(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "_MOST_NAMESAKES", 3)
    rows = [good(1, prs_Birthdate=datetime(2010 + at, 1 + at, 1 + at)) for at in range(6)]
    totals = await stage.bring(file_of(tmp_path / "a.xlsx", rows), send=False)
    assert totals.rows == {"would-be-sent": 3, "undecided": 3}


async def test_a_setting_that_changed_between_a_kill_and_the_next_start_doubles_nothing(
    stage: Stage, tmp_path: Path
) -> None:
    file = file_of(tmp_path / "a.xlsx", [good(1)])
    await stage.bring_all(file)
    for kept in (stage.directory / "state").glob("memory.db*"):
        kept.unlink()
    totals = await stage.bring(file, with_identity=False)
    assert sum(totals.rows.values()) == 1
    assert (stage.cases(), len(stage.messages())) == (1, 1)


@pytest.mark.parametrize("seed", range(6))
async def test_interrupted_at_any_row_it_goes_on_without_a_gap_and_without_a_double(
    stage: Stage, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    rows = [good(number % 17) for number in range(20)]  # some of them say the same
    file = file_of(tmp_path / "a.xlsx", rows)
    stage.transport.every = chance.choice([0, 3, 5])
    for _ in range(8):
        task = asyncio.create_task(stage.bring(file, report=tmp_path / "r.csv"))
        for _ in range(chance.randrange(2_000)):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        if chance.random() < 0.5:
            await stage.settle_protection()
    stage.transport.every = 0
    totals = await stage.bring_all(file, report=tmp_path / "r.csv")
    assert sum(totals.rows.values()) == 20
    assert set(totals.rows) <= {"sent", "already", "undecided"}
    messages = stage.messages()
    assert len(messages) == len({case for _, case in messages}) == stage.cases() == 17
    assert totals.rows["undecided"] == 3


@pytest.mark.parametrize("every", [3, 4, 5])
async def test_answers_that_are_lost_double_nothing(stage: Stage, tmp_path: Path, every: int) -> None:
    stage.transport.every = every
    totals = await stage.bring_all(file_of(tmp_path / "a.xlsx", map(good, range(9))))
    assert totals.rows == {"sent": 9}
    assert len(stage.messages()) == stage.cases() == 9


async def test_a_node_that_does_not_answer_stops_it_and_the_same_command_goes_on(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "_MOST", timedelta(milliseconds=2))
    file = file_of(tmp_path / "a.xlsx", map(good, range(3)))
    stage.transport.every = 1
    with pytest.raises(Stopped) as stopped:
        await stage.bring(file)
    assert stopped.value.code == "node.unreachable"
    assert memory_says(stage) == ("node-away", "node.unreachable")
    stage.transport.every = 0
    totals = await stage.bring_all(file)
    assert totals.rows == {"sent": 3}
    assert len(stage.messages()) == stage.cases() == 3


def memory_says(stage: Stage) -> tuple[str, str]:
    health = glance(stage.directory / "state").health
    assert health is not None
    return health["state"], health["code"]


async def test_a_client_that_may_not_send_stops_at_once(stage: Stage, tmp_path: Path) -> None:
    file = file_of(tmp_path / "a.xlsx", [good(1)])
    async with stage.desk(role=Role.AUDITOR) as desk:
        with opened(file) as workbook, report_to(None) as said, pytest.raises(Stopped) as stopped:
            await bring_in(workbook, desk, Wanted(office=OFFICE, first_contact_declared=True), said)
    assert stopped.value.code == "node.access.scope"


async def test_no_more_is_asked_in_a_second_than_is_allowed(stage: Stage, tmp_path: Path) -> None:
    file = file_of(tmp_path / "a.xlsx", map(good, range(3)))
    async with stage.desk(per_second=50) as desk:
        begun = time.monotonic()
        with opened(file) as workbook, report_to(None) as said:
            wanted = Wanted(office=OFFICE, send=True, declares_no_danger=True, first_contact_declared=True)
            await bring_in(workbook, desk, wanted, said)
        passed = time.monotonic() - begun
    # One for the office, one for the landing, three for each row; one goes at once.
    assert passed >= (2 + 3 * 3 - 1) / 50


async def test_the_operator_sees_how_it_is(stage: Stage, tmp_path: Path) -> None:
    async def told() -> tuple[Any, ...]:
        (adapter,) = (await stage.node.as_(Role.OPERATOR).get("/v1/adapters")).json()["adapters"]
        return adapter["name"], adapter["state"], adapter["set_aside"], adapter["counts"]

    file = file_of(tmp_path / "a.xlsx", [good(1)])
    await stage.bring(file)
    assert await told() == ("workbooks", "stopped", 1, {})
    await stage.settle_protection()
    await stage.bring(file)
    assert await told() == ("workbooks", "stopped", 0, {"to-node sent": 1})


async def test_nothing_of_a_row_is_reported_remembered_logged_or_told(
    stage: Stage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    planted = "Planted-Anywhere"
    rows: list[dict[str, Any]] = [
        good(1),
        good(2, **dict.fromkeys(("prs_Gender", "prs_Citizenship", "vic_MethodsOfControl"), planted)),
        good(3, prs_Birthdate=planted, cas_IncomingReferralDate=planted, con_Consent=planted),
        good(4, prs_MailingCity=planted, cas_IncomingReferralDetails=planted, prs_Salutation=planted),
        good(5, prs_FirstName=f"={planted}", prs_Citizenship="FR"),
    ]
    await stage.bring_all(file_of(tmp_path / "a.xlsx", rows), report=tmp_path / "r.csv")
    assert len(stage.messages()) == 2
    kept = b"".join(path.read_bytes() for path in (stage.directory / "state").iterdir())
    shown = kept + (tmp_path / "r.csv").read_bytes() + caplog.text.encode()
    shown += (await stage.node.as_(Role.OPERATOR).get("/v1/adapters")).content
    shown += "".join(path.name for path in tmp_path.rglob("*")).encode()
    for secret in (*PLANTED, planted):
        assert secret.encode() not in shown
    lines = reported(tmp_path / "r.csv")
    assert {line["column"] for line in lines if line["row"] == "4"} >= {"prs_Gender", "prs_Citizenship"}


async def exported(stage: Stage, path: Path, *, role: Role = Role.AGENCY_SYSTEM, **asked: Any) -> Any:
    async with stage.desk(role=role) as desk:
        with written(path) as writer:
            return await bring_out(desk, writer, **({"first_contact_declared": True} | asked))


def cells_of(path: Path) -> list[dict[str, Any]]:
    sheet = load_workbook(path)["HTCDS"]
    names = [name.value or label.value for name, label in zip(sheet[1], sheet[2], strict=True)]
    return [
        {
            str(name): cell.value
            for name, cell in zip(names, row, strict=True)
            if cell.value is not None and name
        }
        for row in sheet.iter_rows(min_row=3)
    ]


def named_in(path: Path) -> list[tuple[Any, ...]]:
    return [
        tuple(cell.value for cell in row) for row in load_workbook(path)["not carried"].iter_rows(min_row=3)
    ]


async def test_a_workbook_goes_through_the_node_and_comes_back(stage: Stage, tmp_path: Path) -> None:
    rows = [
        good(1, vic_MethodOfRecruitment="AtWork;Other"),
        good(
            2,
            vic_TypeOfExploitation="SexualExploitation;ChildLabour",
            vic_TypeOfSexExploitation="Prostitution",
        ),
        good(3, vic_TraffickingStatus="ActualVictimOfTrafficking", vic_MethodsOfControl="DebtBondage"),
    ]
    await stage.bring_all(file_of(tmp_path / "a.xlsx", rows))
    total = await exported(stage, tmp_path / "b.xlsx")
    assert (total.rows, total.unreleased) == (3, 3)
    back = {
        row["vic_TypeOfExploitation"] + row["vic_TraffickingStatus"]: row
        for row in cells_of(tmp_path / "b.xlsx")
    }
    identity = {"prs_FirstName", "prs_SecondName", "prs_Birthdate", "prs_Email", "prs_MobilePhone"}
    first = back["ForcedBeggingPossibleVictimOfTrafficking"]
    assert first == {key: rows[0][key] for key in rows[0] if key not in identity | {"con_Consent"}}
    second = back["SexualExploitationPossibleVictimOfTrafficking"]
    assert second["vic_TypeOfSexExploitation"] == "Prostitution"
    third = back["ForcedBeggingActualVictimOfTrafficking"]
    assert third["vic_MethodsOfControl"] == "MethodsOfControlDebtBondage"
    named = {(line[3], line[4], line[5]) for line in named_in(tmp_path / "b.xlsx")}
    assert named == {
        ("age_band", "12-14", "export.no_column"),
        ("exploitation_forms", "exploitation/labour", "export.no_value"),
        ("identity", "sealed", "export.identity"),
    }
    raw = (tmp_path / "b.xlsx").read_bytes()
    assert not any(secret.encode() in raw for secret in PLANTED)
    # No consent comes back, so that an export is never sent on by importing it.
    before = stage.messages()
    assert (await stage.bring(tmp_path / "b.xlsx")).rows == {"not-sent": 3}
    assert stage.messages() == before


async def test_one_case_or_what_is_new_can_be_exported_alone(stage: Stage, tmp_path: Path) -> None:
    await stage.bring_all(file_of(tmp_path / "a.xlsx", [good(1), good(2)]))
    (_, case), _ = stage.messages()
    assert (await exported(stage, tmp_path / "b.xlsx", case=case)).rows == 1
    now = stage.node.clock.now()
    assert (await exported(stage, tmp_path / "c.xlsx", since=now - timedelta(days=1))).rows == 2
    assert (await exported(stage, tmp_path / "d.xlsx", since=now + timedelta(days=1))).rows == 0


async def test_identity_comes_out_only_where_it_was_released_and_never_to_a_system(
    stage: Stage, tmp_path: Path
) -> None:
    await stage.bring_all(file_of(tmp_path / "a.xlsx", [good(1)]))
    total = await exported(stage, tmp_path / "b.xlsx", reason="identity-check")
    assert total.unreleased == 1
    officer = await exported(stage, tmp_path / "c.xlsx", role=Role.CASE_OFFICER, reason="identity-check")
    assert officer.unreleased == 1
    (message, _), *_ = stage.messages()
    asked = await exchange.request_release(
        stage.node.node,
        stage.node.actor(Role.CASE_OFFICER, "workbooks"),
        message,
        "identity-check",  # type: ignore[arg-type]
    )
    await exchange.decide(stage.node.node, stage.node.actor(Role.SUPERVISOR), asked.id, "approve", None)
    supervisor = await exported(stage, tmp_path / "d.xlsx", role=Role.CASE_OFFICER, reason="identity-check")
    assert supervisor.unreleased == 0
    (row,) = cells_of(tmp_path / "d.xlsx")
    assert (row["prs_FirstName"], row["prs_SecondName"]) == ("Planted-First", "Planted-Second-1")
    assert row["prs_Birthdate"] == good(1)["prs_Birthdate"]
    assert not any(secret.encode() in (tmp_path / "b.xlsx").read_bytes() for secret in PLANTED)


def test_ten_times_the_rows_take_no_more_memory_but_for_a_mark_of_each(tmp_path: Path) -> None:
    peaks = []
    for count in (60, 600):
        file = file_of(tmp_path / f"{count}.xlsx", map(good, range(count)))
        # In a process of its own: what other tests left in this one would be counted too.
        module, place = "tests.adapters.import_memory", str(tmp_path / str(count))
        ended = subprocess.run(
            [sys.executable, "-m", module, place, str(file)],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        )
        rows, peak = ended.stdout.split()[-2:]
        assert int(rows) == count
        peaks.append(int(peak))
    # A kilobyte for each: its digests, and its strings, which the file format has in one part.
    assert peaks[1] - peaks[0] < 540 * 1_500


@pytest.mark.slow
async def test_ten_thousand_rows_dry_at_a_real_node(stage: Stage, tmp_path: Path) -> None:
    file = file_of(tmp_path / "a.xlsx", map(good, range(10_000)))
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    totals = await stage.bring(file, send=False, report=tmp_path / "r.csv")
    passed = time.monotonic() - begun
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"10,000 rows: {passed:.1f} s, {grown / 1024:.0f} MiB more")
    assert totals.rows == {"would-be-sent": 10_000}
    assert grown < 200 * 1024


@pytest.mark.slow
async def test_ten_thousand_rows_interrupted_again_and_again(stage: Stage, tmp_path: Path) -> None:
    """Both times: when cases are opened, and when messages leave because two people settled their status."""
    count, chance = 10_000, random.Random(7)
    file = file_of(tmp_path / "a.xlsx", map(good, range(count)))
    # What is held is asked of the node again each time the file is given.
    for outcomes, kills in (({"held"}, 3), ({"sent", "already"}, 10)):
        begun = time.monotonic()
        for at in sorted(chance.sample(range(count), kills)):
            await interrupted_after(stage, file, at, chance.random() / 20)
        totals = await stage.bring(file)
        print(f"{count} rows {max(outcomes)}, interrupted {kills} times: {time.monotonic() - begun:.0f} s")
        assert sum(totals.rows.values()) == count
        assert totals.rows.keys() == outcomes
        assert stage.cases() == count
        if "held" in outcomes:
            assert stage.messages() == []
            assert await stage.settle_protection() == count
    messages = stage.messages()
    assert len(messages) == len({case for _, case in messages}) == count


async def interrupted_after(stage: Stage, file: Path, number: int, seconds: float) -> None:
    """An import that ends somewhere in the work that follows this row."""
    async with stage.desk() as desk:
        with opened(file) as workbook, report_to(None) as said:
            task: asyncio.Task[Totals]

            def progress(row: int) -> None:
                if row >= number:
                    asyncio.get_running_loop().call_later(seconds, task.cancel)

            wanted = Wanted(office=OFFICE, send=True, declares_no_danger=True, first_contact_declared=True)
            task = asyncio.create_task(bring_in(workbook, desk, wanted, said, progress=progress))
            with contextlib.suppress(asyncio.CancelledError):
                await task
