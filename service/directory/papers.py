"""The network's papers, as its registrar keeps them on disk: charters, admissions, the last snapshot.

    charter.json                 the newest charter
    charters/<number>.json       those before it
    admissions/<member>.json     the newest admission of each member
    admissions/former/           those before it
    snapshot.json                the last snapshot, and the entries that it lists

No secret is among them. What is filed was signed by enough keepers; a running registrar notices it at its
next look and signs a snapshot over it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from protocol.directory import Admission, Charter, verify_admission, verify_charters
from protocol.errors import NotAcceptable
from protocol.statements import CoSigned
from service.directory.documents import cosigned_text, read_cosigned
from service.errors import Misconfigured
from service.private_files import make_private_directory, write_private

__all__ = ["Papers", "file_admission", "file_charter", "read_papers", "snapshot_file"]

_CHARTER = "charter.json"
_CHARTERS = "charters"
_ADMISSIONS = "admissions"
_FORMER = "former"


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """Verified papers. `charters`: oldest first; `rules`: the newest of them, which knows the others."""

    charters: tuple[CoSigned, ...]
    rules: Charter
    documents: Mapping[str, CoSigned] = field(hash=False)
    admissions: Mapping[str, Admission] = field(hash=False)

    @classmethod
    def of(cls, charters: tuple[CoSigned, ...], documents: Mapping[str, CoSigned]) -> Papers:
        """Refuses as `verify_charters` and `verify_admission`."""
        rules = verify_charters(charters, charters[-1].digest)
        return cls(
            charters=charters,
            rules=rules,
            documents=dict(documents),
            admissions={member: verify_admission(one, rules) for member, one in documents.items()},
        )


def read_papers(directory: Path) -> Papers:
    """Misconfigured `network.no_papers` where there is no charter; refuses as `Papers.of`."""
    newest = directory / _CHARTER
    if not newest.exists():
        raise Misconfigured("network.no_papers", f"{directory} holds no network's papers: found one first")
    earlier = sorted((directory / _CHARTERS).glob("*.json"), key=lambda path: int(path.stem))
    return Papers.of(
        tuple(read_cosigned(path.read_text()) for path in (*earlier, newest)),
        {
            path.stem: read_cosigned(path.read_text())
            for path in sorted((directory / _ADMISSIONS).glob("*.json"))
        },
    )


def snapshot_file(directory: Path) -> Path:
    return directory / "snapshot.json"


def file_charter(directory: Path, charter: CoSigned) -> Charter:
    """Make it the newest, and take out members that it does not take over.

    Refuses as `verify_charters`, `directory.charter_rollback` for any that does not follow the newest here,
    and `directory.superseded_charter` when somebody was admitted anew since it was proposed.
    """
    place = directory / _CHARTER
    if not place.exists():
        rules = verify_charters([charter], charter.digest)
        make_private_directory(directory)
    else:
        known = read_papers(directory)
        rules = verify_charters([*known.charters, charter], known.rules.digest)
        if rules.digest != charter.digest or rules.digest == known.rules.digest:
            raise NotAcceptable(
                "directory.charter_rollback", f"this charter does not follow number {known.rules.sequence}"
            )
        for member, admission in known.admissions.items():
            taken = rules.admissions.get(member)
            if taken is not None and taken.digest != admission.digest:
                raise NotAcceptable(
                    "directory.superseded_charter", f"the charter takes over another admission of {member}"
                )
        for member in known.admissions.keys() - rules.admissions.keys():
            _put_aside(directory, known, member)
            (directory / _ADMISSIONS / f"{member}.json").unlink()
        make_private_directory(directory / _CHARTERS)
        former = directory / _CHARTERS / f"{known.rules.sequence}.json"
        write_private(former, cosigned_text(known.charters[-1]).encode())
    write_private(place, cosigned_text(charter).encode())
    return rules


def file_admission(directory: Path, cosigned: CoSigned) -> Admission:
    """Make it the newest of its member. Refuses as `verify_admission`, and `directory.admission_rollback`
    when its number does not follow.
    """
    known = read_papers(directory)
    admission = verify_admission(cosigned, known.rules)
    if admission.charter != known.rules.digest:
        raise NotAcceptable("directory.superseded_charter", "expected an admission under the newest charter")
    former = known.admissions.get(admission.member)
    if former is not None and admission.sequence <= former.sequence:
        raise NotAcceptable(
            "directory.admission_rollback",
            f"admission {former.sequence} of {admission.member} is filed: expected a higher number",
        )
    folder = make_private_directory(directory / _ADMISSIONS)
    if former is not None:
        _put_aside(directory, known, former.member)
    write_private(folder / f"{admission.member}.json", cosigned_text(cosigned).encode())
    return admission


def _put_aside(directory: Path, known: Papers, member: str) -> None:
    former = make_private_directory(directory / _ADMISSIONS / _FORMER)
    name = f"{member}-{known.admissions[member].sequence}.json"
    write_private(former / name, cosigned_text(known.documents[member]).encode())
