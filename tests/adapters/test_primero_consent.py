"""Nothing leaves a Primero without both consents, a legal basis for the name, and people who looked at it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from adapters.primero.mapping import (
    IDENTITY_FIELDS,
)
from tests.adapters.primero_stage import PROFILE, SECRET, PrimeroOnTrial, PrimeroTrial


class TestConsent(PrimeroOnTrial):
    async def test_a_name_is_not_even_asked_for_without_a_legal_basis(self, trial: PrimeroTrial) -> None:
        name = await trial.new_record()
        before = len(trial.at_node())
        await trial.until(lambda: len(trial.at_node()) > before)
        asked = [one.query.get("fields", "") for one in trial.primero.seen]
        assert not any(field in one.split(",") for one in asked for field in IDENTITY_FIELDS)
        content = await trial.sent_content(trial.expected([name])[0])
        assert content["identity_state"] == "none"
        assert SECRET not in json.dumps(content)
        assert content["coded"]["exploitation_forms"] == ["exploitation/sexual"]
        assert content["coded"]["care_arrangement"] == "foster-care"

    async def test_with_a_legal_basis_the_name_goes_into_the_identity_part_alone(
        self, trial: PrimeroTrial
    ) -> None:
        trial.profile = dataclasses.replace(PROFILE, identity_legal_basis="hague-1996")
        name = await trial.new_record()
        before = len(trial.at_node())
        await trial.until(lambda: len(trial.at_node()) > before)
        content = await trial.sent_content(trial.expected([name])[0])
        assert content["identity_state"] == "sealed"
        assert SECRET not in json.dumps(content)
        for path in trial.state_dir.iterdir():
            assert SECRET.encode() not in path.read_bytes()

    @pytest.mark.parametrize("consent", ["disclosure_other_orgs", "consent_for_services"])
    @pytest.mark.parametrize("value", [False, None, "true", 1])
    async def test_without_both_consents_nothing_leaves_whoever_overrode_them(
        self, trial: PrimeroTrial, consent: str, value: Any
    ) -> None:
        record = await trial.record(**{consent: value})
        made = trial.primero.refer(record, consent_overridden=True, consent_individual_transfer=True)
        before = len(trial.at_node())
        await trial.until(lambda: bool(trial.aside()))
        assert trial.aside() == {trial.named(made): "primero.no_consent"}
        assert trial.at_node()[before:] == []
        assert trial.marked(record) == ["focalpoint-refused:no_consent"]

    async def test_a_consent_that_is_given_later_is_heard_without_anybody_asking_again(
        self, trial: PrimeroTrial
    ) -> None:
        name = await trial.unfit_record()
        await trial.until(lambda: bool(trial.aside()))
        before = len(trial.at_node())
        await trial.mend(name)
        await trial.until(lambda: len(trial.at_node()) > before)
        assert trial.at_node()[before:] == trial.expected([name])
        assert trial.marked(name.split(":")[1])[-1] == "synced"

    async def test_what_waits_for_people_at_the_node_goes_once_they_have_settled_it(
        self, trial: PrimeroTrial
    ) -> None:
        record = await trial.record(settled=False)
        name = trial.named(trial.primero.refer(record))
        before = len(trial.at_node())
        await trial.until(lambda: bool(trial.marked(record)))
        assert trial.marked(record) == ["focalpoint-waits:people-at-node"]
        assert trial.at_node()[before:] == []
        await trial.settle_protection(record)
        await trial.until(lambda: len(trial.at_node()) > before)
        assert trial.at_node()[before:] == trial.expected([name])
        await trial.until(lambda: trial.marked(record)[-1] == "synced")

    async def test_what_the_node_knows_of_protection_is_not_written_into_primero(
        self, trial: PrimeroTrial
    ) -> None:
        record = await trial.record(settled=False)
        await trial.settle_protection(record, status="sought")
        trial.primero.refer(record)
        await trial.until(lambda: bool(trial.marked(record)))
        assert trial.marked(record) == ["focalpoint-waits:people-at-node"]

    async def test_consent_is_never_overridden_on_a_record_that_holds_anything(
        self, trial: PrimeroTrial
    ) -> None:
        await trial.new_record()
        await trial.new_messages(2)
        await trial.until(lambda: len(trial.at_system()) == 2)
        for made in trial.primero.transitions:
            if made.get("consent_overridden"):
                assert "sex" not in trial.primero.records[made["record_id"]]
