"""What each key command would change, and its carrying out: one step each, while the node runs.

    generate     a key, listed nowhere yet
    publish      the owner's entry with today's keys
    rotate       a new key beside the old, both listed; the new one signs once the directory lists it
    retire       a key signs no more and goes on verifying
    revoke       nothing from now on counts; a new key takes over
    compromised  nothing since a moment counts, and what is dated earlier stands only as far as a
                 counterpart's checkpoint covers it (`protocol.bundle.coverage`); a new key takes over

The keystore is changed first and the entry signed after it: a crash in between leaves keys that nobody lists
yet, and the same command, or `publish`, goes on from there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from protocol.directory import KeyPurpose, KeyRecord, key_record, sealing_key_record
from protocol.sealing import SealingPrivateKey
from protocol.statements import LocalSigningKey, SigningKey
from service.access.actor import Via
from service.directory import key_acts
from service.directory.facts_file import StateFacts
from service.directory.identity_keys import Policy, make_ahead, planned_starts
from service.directory.key_acts import AT_THE_MACHINE, Act, KeyAct
from service.directory.laid_out import lay_out
from service.directory.own_entries import Planned
from service.directory.own_keys import REAL, ended, spans, succeeded
from service.directory.own_state import Change, path_of, planned_entries, unchanged
from service.errors import Conflict, NotFound
from service.keystore import API_TOKEN, WEBHOOK, FileKeyStore
from service.settings import Settings

__all__ = ["SEALING", "UNLISTED", "KeyDesk", "KeyPlan", "KeyRequest"]

SEALING: Final = ("content", "identity")
"""Owners that are no signers: what the node's sealing keys open."""
UNLISTED: Final = (API_TOKEN, WEBHOOK)
"""Owners whose keys no directory lists: this node reads them back itself, or publishes them."""
_TOKENS_LIVE: Final = timedelta(hours=8)
"""The longest that `token mint` gives."""
_WEBHOOKS_OVERLAP: Final = timedelta(days=7)
"""Receivers take the key from where it is published, or have it from a person."""
_CONTENT_OPENS: Final = timedelta(days=30)
"""Twice as long as an envelope lives."""
_PREVIEW = "(new)"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPlan:
    """One act before it is done. `entries`: as they would be, new keys standing as `(new)`. `says`: what else
    would happen, in words."""

    act: Act
    subject: str
    entries: tuple[Planned, ...]
    says: tuple[str, ...]
    _keystore: Callable[[], None]
    _replan: Callable[[], tuple[Planned, ...]]

    @property
    def needs_root(self) -> bool:
        return bool(self.entries)

    def lines(self, now: datetime) -> tuple[str, ...]:
        """What would change, for whoever decides."""
        entries = (
            f"{one.path}: {change}" for one in self.entries for change in one.changes(now) or ("unchanged",)
        )
        return (*entries, *self.says)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRequest:
    """What somebody asks for, as it is kept until another has agreed. `owner`: also `content` and `identity`;
    `since` with `compromised` alone; `replace` with `generate`, for an owner that has a key."""

    act: Act
    owner: str
    kid: str | None = None
    since: datetime | None = None
    replace: bool = False

    def to_json(self) -> dict[str, str]:
        return {
            "act": self.act,
            "owner": self.owner,
            **({} if self.kid is None else {"kid": self.kid}),
            **({} if self.since is None else {"since": self.since.isoformat()}),
            **({"replace": "yes"} if self.replace else {}),
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> KeyRequest:
        since = said.get("since")
        return cls(
            act=said["act"],
            owner=said["owner"],
            kid=said.get("kid"),
            since=None if since is None else datetime.fromisoformat(since),
            replace=said.get("replace") == "yes",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDesk:
    """`last`: this State's entries by path; `checkpoints`: those that peers had given before a moment."""

    settings: Settings
    keys: FileKeyStore
    said: StateFacts | None
    last: Mapping[str, str]
    now: datetime
    checkpoints: Callable[[datetime], tuple[str, ...]]

    def plan(self, request: KeyRequest) -> KeyPlan:
        """Refuses as the act of that name; NotFound `keystore.unknown_owner` also for what is not done with
        such a key."""
        owner, kid = request.owner, request.kid
        if owner in SEALING and request.act in ("retire", "revoke", "compromised"):
            raise NotFound("keystore.unknown_owner", f"{owner} signs nothing; `rotate` replaces its key")
        match request.act:
            case "generate":
                return self.generate(owner, replace=request.replace)
            case "publish":
                return self.publish(self.settings.node if owner in SEALING else owner)
            case "rotate":
                return self.rotate(owner)
            case "retire":
                return self.retire(owner, kid)
            case "revoke":
                return self.revoke(owner, kid)
            case "compromised" if request.since is not None:
                return self.compromised(owner, request.since, kid)
            case _:
                raise NotFound("request.not_found", "no such act with a key")

    def generate(self, owner: str, *, replace: bool = False) -> KeyPlan:
        """A key that is used at once and listed nowhere yet. NotFound `keystore.unknown_owner` for an owner
        that is not of this node; Conflict `keystore.key_current` where there is a key already."""
        if owner not in (*SEALING, *UNLISTED, self.settings.node) and not owner.startswith(
            f"{self.settings.state}."
        ):
            raise NotFound(
                "keystore.unknown_owner", "expected an authority's address, the node's code or a use"
            )
        add: Callable[[], None] = (
            (lambda: _discard_key(self.keys.add_sealing(owner)))  # type: ignore[arg-type]
            if owner in SEALING
            else (lambda: self._add(owner))
        )
        there = any(
            one.destroyed_at is None
            and (one.current or one.kind == "seal")
            and owner in (one.owner, one.purpose)
            for one in self.keys.entries()
        )
        if there and not replace:
            raise Conflict(
                "keystore.key_current",
                f"{owner} has a key; peers refuse what a new one signs until the directory lists it."
                " Say that it shall be replaced, if that is prepared",
            )
        peers = (
            ("peers refuse what it signs until an entry lists it",) if there and owner not in UNLISTED else ()
        )
        return self._plan(
            "generate",
            owner,
            None,
            says=(f"{owner}: a new key, in use at once and listed nowhere yet", *peers),
            keystore=add,
        )

    def publish(self, owner: str) -> KeyPlan:
        return self._plan("publish", owner, owner)

    def rotate(self, owner: str) -> KeyPlan:
        """NotFound `keystore.unknown_owner` for one who has no key; `generate` makes a first one."""
        if owner == "identity":
            return self._identity()
        if owner == "content":
            return self._content()
        self.keys.signing(owner)
        if owner == API_TOKEN:
            return self._plan(
                "rotate",
                owner,
                None,
                says=(f"tokens of the former key are honoured until {self.now + _TOKENS_LIVE:%H:%M} UTC",),
                keystore=lambda: self._add(owner, former_until=self.now + _TOKENS_LIVE),
            )
        if owner == WEBHOOK:
            until = self.now + _WEBHOOKS_OVERLAP
            return self._plan(
                "rotate",
                owner,
                None,
                says=(f"webhooks are signed with both keys until {until:%d %B %Y}: tell the receivers",),
                keystore=lambda: self._add(owner, former_until=until),
            )
        return self._plan(
            "rotate",
            owner,
            owner,
            preview=self._with_successor,
            says=("the new key signs once the directory lists it; until then the old one does",),
            keystore=lambda: self._add(owner, waiting=True),
        )

    def retire(self, owner: str, kid: str | None = None) -> KeyPlan:
        target = self._target(owner, kid)

        def without(records: tuple[KeyRecord, ...]) -> tuple[KeyRecord, ...]:
            return tuple(ended(one, self.now) if one.kid == target else one for one in records)

        last = self.keys.signing(owner).kid == target
        return self._plan(
            "retire",
            f"{owner} {target}",
            None if owner in UNLISTED else owner,
            preview=without,
            change=without,
            says=(f"{owner} has no other key, and can send nothing more",) if last else (),
            keystore=lambda: self.keys.retire(target),
        )

    def revoke(self, owner: str, kid: str | None = None) -> KeyPlan:
        return self._cut("revoke", owner, kid, self.now, None)

    def compromised(self, owner: str, since: datetime, kid: str | None = None) -> KeyPlan:
        """Conflict `keystore.cut_off_ahead` for a moment that has not come."""
        if since > self.now:
            raise Conflict("keystore.cut_off_ahead", "a key is stolen since a moment that has passed")
        return self._cut("compromised", owner, kid, since, self.checkpoints(since))

    def carry_out(
        self, plan: KeyPlan, root: SigningKey | None, *, by: str = AT_THE_MACHINE, via: Via = "command"
    ) -> int:
        """Do it. `root`: the State's root key, needed where an entry changes. Returns how many it signed."""
        entries = self.prepare(plan, root)
        for path, token in entries.items():
            lay_out(self.settings.data_dir, path, token)
        self.note(plan, by=by, via=via)
        return len(entries)

    def prepare(self, plan: KeyPlan, root: SigningKey | None) -> dict[str, str]:
        """Change the keystore and sign what follows from it: entries by path, laid out by nobody yet. A key
        that no entry lists says nothing to anybody."""
        plan._keystore()
        due = [one for one in plan._replan() if one.changes(self.now)]
        assert root is not None or not due, "an entry is signed by the State's root key"
        return {one.path: one.signed(root, self.now) for one in due if root is not None}

    def sign_only(self, plan: KeyPlan, root: SigningKey) -> dict[str, str]:
        """What would be signed, with the keystore as it is: for an act that makes no key."""
        return {one.path: one.signed(root, self.now) for one in plan._replan() if one.changes(self.now)}

    def finish(self, plan: KeyPlan, *, by: str, via: Via) -> None:
        """The keystore's part of an act whose entries were laid out."""
        plan._keystore()
        self.note(plan, by=by, via=via)

    def note(self, plan: KeyPlan, *, by: str, via: Via) -> None:
        act = KeyAct(act=plan.act, subject=plan.subject, at=self.now, by=by, via=via)
        key_acts.leave_note(self.settings.data_dir, act)

    # --- the acts -------------------------------------------------------------------------------------------

    def _cut(
        self, act: Act, owner: str, kid: str | None, at: datetime, checkpoints: tuple[str, ...] | None
    ) -> KeyPlan:
        target = self._target(owner, kid)
        current = self.keys.signing(owner).kid == target
        if owner in UNLISTED:
            ended_now = "every token that it signed ends now"
            return self._plan(
                act,
                f"{owner} {target}",
                None,
                says=(ended_now if owner == API_TOKEN else "receivers have to learn the new key",),
                keystore=lambda: self._add(owner) if current else self.keys.retire(target),
            )
        at = at.replace(microsecond=0)

        def cut(records: tuple[KeyRecord, ...]) -> tuple[KeyRecord, ...]:
            if target not in {record.kid for record in records}:
                records = (*records, self._listed_again(target))
            return tuple(
                # The first cut-off counts: a later one would give a thief the time between.
                dataclasses.replace(
                    one,
                    revoked_at=min(at, one.revoked_at or at),
                    checkpoints=one.checkpoints if checkpoints is None else checkpoints,
                )
                if one.kid == target
                else one
                for one in records
            )

        says = (
            ("nothing that it signed from now on counts",)
            if checkpoints is None
            else (
                f"nothing that it signed since {at:%Y-%m-%d %H:%M} UTC counts; what is dated earlier stands"
                f" as far as one of {len(checkpoints)} checkpoints of peers covers it",
            )
        )
        return self._plan(
            act,
            f"{owner} {target}",
            owner,
            preview=lambda records: cut(self._with_successor(records) if current else records),
            change=cut,
            says=(*says, *(("a new key signs at once",) if current else ())),
            keystore=(lambda: self._add(owner)) if current else _nothing,
        )

    def _identity(self) -> KeyPlan:
        policy = Policy.of(self.settings)
        starts = planned_starts(self.keys, policy, self.now)
        says = tuple(f"identity key {_PREVIEW}: others seal to it from {start:%Y-%m-%d}" for start in starts)
        return self._plan(
            "rotate",
            "identity",
            self.settings.node,
            says=says or ("enough identity keys are made ahead",),
            keystore=lambda: _discard(make_ahead(self.keys, policy, self.now)),
        )

    def _content(self) -> KeyPlan:
        former = self.keys.current_sealing_kid("content")

        def replaced(records: tuple[KeyRecord, ...]) -> tuple[KeyRecord, ...]:
            fresh = SealingPrivateKey.generate(_PREVIEW).public
            record = sealing_key_record(fresh, KeyPurpose.SEAL_CONTENT, **spans(self.now, REAL))
            return record, *(one for one in records if one.purpose is not KeyPurpose.SEAL_CONTENT)

        def keystore() -> None:
            self.keys.add_sealing("content")
            self.keys.let_go(former, self.now + _CONTENT_OPENS)

        return self._plan(
            "rotate",
            "content",
            self.settings.node,
            sealing=replaced,
            says=(f"key {former} goes on opening until {self.now + _CONTENT_OPENS:%Y-%m-%d}",),
            keystore=keystore,
        )

    # --- how ------------------------------------------------------------------------------------------------

    def _plan(
        self,
        act: Act,
        subject: str,
        owner: str | None,
        *,
        preview: Change = unchanged,
        change: Change = unchanged,
        sealing: Change = unchanged,
        says: tuple[str, ...] = (),
        keystore: Callable[[], None] | None = None,
    ) -> KeyPlan:
        def entries(signing: Change, seals: Change) -> tuple[Planned, ...]:
            if owner is None or self.said is None:
                return ()
            path = path_of(self.settings, owner)
            found = planned_entries(
                self.settings,
                self.keys,
                self.said,
                self.last,
                self.now,
                signing={owner: signing},
                sealing=seals,
            )
            of_owner = tuple(one for one in found if one.path == path)
            if not of_owner:
                raise NotFound("keystore.unknown_owner", f"this State has no entry of {owner}")
            return of_owner

        if owner is not None and self.said is None:
            raise NotFound(
                "keystore.unknown_owner", "there is no entry yet; `directory entry` signs the first"
            )
        return KeyPlan(
            act=act,
            subject=subject,
            entries=entries(preview, sealing),
            says=says,
            _keystore=keystore or _nothing,
            _replan=lambda: entries(change, unchanged),
        )

    def _target(self, owner: str, kid: str | None) -> str:
        if kid is None:
            return self.keys.signing(owner).kid
        if not any(
            one.kid == kid and one.owner == owner and one.kind == "sign" for one in self.keys.entries()
        ):
            raise NotFound(
                "keystore.unknown_key", f"{owner} has no key {kid}; `keys list` shows what there is"
            )
        return kid

    def _listed_again(self, kid: str) -> KeyRecord:
        """An old key that no entry lists any more, and of which something has now to be said."""
        key = self.keys.signing_by_kid(kid)
        if key is None:
            raise NotFound("keystore.unknown_key", f"key {kid} was destroyed")
        made = next(entry.created_at for entry in self.keys.entries() if entry.kid == kid)
        return key_record(key.public, **spans(made, REAL))

    def _with_successor(self, records: tuple[KeyRecord, ...]) -> tuple[KeyRecord, ...]:
        fresh = key_record(LocalSigningKey.generate(_PREVIEW).public, **spans(self.now, REAL))
        return fresh, *(succeeded(one, self.now) for one in records)

    def _add(self, owner: str, *, waiting: bool = False, former_until: datetime | None = None) -> None:
        self.keys.add_signing(owner, waiting=waiting, former_until=former_until)


def _nothing() -> None:
    return None


def _discard(_: int) -> None:
    return None


def _discard_key(_: object) -> None:
    return None
