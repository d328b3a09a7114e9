"""What happened, and that it can be proven."""

from __future__ import annotations

import json
from collections.abc import Iterable

from protocol import rendering
from protocol.rendering import EvidenceFinding
from service.cli.demo.scene import Scene, unexpected
from service.cli.proven import report_on
from service.cli.verify import proven_lines

__all__ = ["look_back", "prove"]


async def look_back(scene: Scene) -> None:
    tell, officer = scene.tell, scene.officer
    tell.step("The case as Italy's node tells it")
    told = await officer.node.printed_timeline(scene.case, language="en")
    tell.quote(told.content.decode().splitlines())
    owed = await officer.node.deadlines(case=scene.case)
    tell.say(f"Answers still owed on this case: {len(owed) or 'none'}.")


async def prove(scene: Scene) -> None:
    tell, officer = scene.tell, scene.officer
    tell.step("The evidence, verified offline")
    bundle = await officer.node.case_evidence(scene.case)
    file = scene.place / "evidence.json"
    file.write_bytes(bundle)
    digest = scene.network["charter_digest"]
    tell.act(
        officer.who, f"exports the evidence of the case: {len(bundle):,} bytes, no narrative, no identity"
    )
    tell.say("A court verifies it with nothing but the file and the charter's digest; no node is asked:")
    tell.quote([f"focalpoint verify {file.name} --charter-digest {digest}"])
    report = report_on(bundle, digest)
    tell.quote(proven_lines(report, "en"))
    tell.quote(_verdict((finding.code, finding.where) for finding in report.findings))
    if not report.whole:
        raise unexpected("the evidence of the case did not verify")
    altered = report_on(_one_character_changed(bundle), digest)
    if altered.whole:
        raise unexpected("an altered file passed for whole")
    tell.say("And with one character of one receipt changed:")
    tell.quote(f"{found.code}: {found.where}: {found.detail}" for found in altered.findings)


def _verdict(findings: Iterable[tuple[str, str]]) -> list[str]:
    found = [EvidenceFinding(code=code, where=where) for code, where in findings]
    return rendering.render_evidence_report(found, language="en").splitlines()


def _one_character_changed(bundle: bytes) -> bytes:
    document = json.loads(bundle)
    receipts = document["messages"][0]["evidence"]
    receipt = receipts[-1]
    receipts[-1] = receipt[:-10] + ("A" if receipt[-10] != "A" else "B") + receipt[-9:]
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
