"""Whether a content statement's author might say it then: the competence of the signer, the mandate of an
intermediary, the directory entry and the corridor profile that it cites."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from protocol.attachments import read_claims
from protocol.bundle.sections import Sections
from protocol.claims import Claims
from protocol.directory import Archive, AuthorityEntry
from protocol.directory.mandates import mandated_at
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import Address, parse_address, state_of
from protocol.intermediary import ATTEST, check_scan, parts_to_be_given, require_may_say

__all__ = ["AuthorityAtSigning", "ProcedureOf"]

type ProcedureOf = Callable[[str], str | None]
"""The procedure of a message type, None when its conversation decides. Refuses a form of a newer version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityAtSigning:
    """By the directory material of the bundle. Without `procedure_of` competence is not asked."""

    archive: Archive
    sections: Sections
    procedure_of: ProcedureOf | None

    def check(self, claims: Claims, at: datetime) -> None:
        """Refuses what the directory did not allow when it was signed, at `at`, and `bundle.missing` where
        what shows it is not there."""
        self._check_competence(claims, Address(claims.text("iss")), at)
        self._check_via(claims, at)
        cited = claims.text_or_none("recipient_entry")
        if cited is not None and cited not in self.archive.held:
            raise NotAcceptable("bundle.missing", "the directory entry that the statement cites is not there")
        self._check_profile(claims, at)

    def _check_competence(self, claims: Claims, signer: Address, at: datetime) -> None:
        if self.procedure_of is None:
            return
        try:
            procedure = self.procedure_of(claims.text("type"))
        except Refused:  # a form of a newer version
            return
        entry = self.archive.authority_at(signer, at) or self._earliest(signer)
        if procedure is not None and entry is not None and procedure not in entry.competences:
            raise NotAcceptable("bundle.not_competent", f"{signer} was not competent for {procedure}")

    def _earliest(self, signer: Address) -> AuthorityEntry | None:
        """The State may have issued anew since; the bundle then holds no version from before."""
        versions = [
            held.entry
            for held in self.archive.held.values()
            if isinstance(held.entry, AuthorityEntry) and held.entry.address == signer
        ]
        return min(versions, key=lambda entry: entry.issued_at, default=None)

    def _check_via(self, claims: Claims, at: datetime) -> None:
        """What an intermediary typed binds its State to nothing, and a mandate covered it when it was signed:
        its procedure, the other State and its parts. Whether that was revoked by the time it was received,
        the recipient's evidence shows."""
        via = claims.text_or_none("via")
        sender = parse_address(claims.text("iss"))
        type_, coded = claims.text("type"), claims.mapping("coded")
        if via is not None or type_ == ATTEST:
            require_may_say(type_, None if via is None else Address(via), sender, coded)
            check_scan(type_, coded, read_claims(claims) if "attachments" in claims else ())
        if via is None:
            return
        if not mandated_at(
            self.archive,
            state=state_of(sender),
            intermediary=Address(via),
            procedure=self._procedure(claims),
            towards=state_of(parse_address(claims.text("aud"))),
            parts=parts_to_be_given(type_, claims.texts_by_name("parts")),
            at=at,
        ):
            raise NotAcceptable("mandate.not_covered", "no mandate covered this when it was signed")

    def _procedure(self, claims: Claims) -> str | None:
        """Of the message, or of the conversation that it belongs to; None where this release cannot say, and
        where the message that opened it is not in the bundle."""
        opener = claims.text("thread")
        for said in (claims.text("type"), self.sections.opened_by(opener)):
            try:
                procedure = None if said is None else self._procedure_of_type(said)
            except Refused:  # a form of a newer version
                return None
            if procedure is not None:
                return procedure
        return None

    def _procedure_of_type(self, message_type: str) -> str | None:
        """Of a message type. Refuses as `procedure_of`."""
        return None if self.procedure_of is None else self.procedure_of(message_type)

    def _check_profile(self, claims: Claims, at: datetime) -> None:
        """Whether a State ended it meanwhile is not asked: the recipient did, as it stood when it took the
        message, and an end may be dated back."""
        cited = claims.text_or_none("corridor_profile")
        if cited is None:
            return
        try:
            terms = self.archive.profile_by_digest(cited).facts.terms
        except Refused as refused:
            if refused.code != "directory.unknown_profile":
                raise
            raise NotAcceptable(
                "bundle.missing", "the corridor profile that the statement cites is not there"
            ) from None
        between = {state_of(parse_address(claims.text(name))) for name in ("iss", "aud")}
        if set(terms.states) != between or not terms.since <= at < terms.until:
            raise NotAcceptable(
                "directory.profile_not_in_force",
                "expected a profile in force between the two States when the message was signed",
            )
