"""Is it safe to return? Both States say what they know; one concludes, the other disputes, until both can
stand by it."""

from __future__ import annotations

from service.cli.demo import decisions
from service.cli.demo.scene import Scene, due_words

__all__ = ["assess_risk"]


async def assess_risk(scene: Scene) -> None:
    tell, officer, answering = scene.tell, scene.officer, scene.answering
    tell.step("Is it safe? Both States assess the risk; Romania disputes, Italy revises")
    request = await scene.say(
        officer,
        "risk-assessment.request",
        answering,
        decisions.assessment_request(),
        narrative=decisions.WHY_ASSESS,
    )
    scene.said["assessment"] = request
    tell.act(officer.who, f"opens the assessment{due_words(request)}")
    documents = [scene.said[name] for name in ("guardian", "identity", "report")]
    contributions = [
        await scene.say(
            by,
            "risk-assessment.contribution",
            to,
            decisions.contribution(scene.today, by_origin=by is answering),
            reply_to=request,
        )
        for by, to in ((officer, answering), (answering, officer))
    ]
    tell.act(
        "both",
        "contribute what each knows: a recruiter in the next village, and a grandmother who would flee",
    )
    considered = [await scene.digest_of(officer, one) for one in (*documents, *contributions)]
    first = await scene.say(
        officer,
        "risk-assessment.final",
        answering,
        decisions.final_assessment(scene.today, considered=considered),
        narrative=decisions.REASONING,
        reply_to=request,
    )
    tell.act(
        officer.who,
        f"concludes, naming the exact version of each of the {len(considered)} documents considered",
    )
    dispute = await scene.say(
        answering,
        "risk-assessment.dispute",
        officer,
        decisions.dispute(await scene.digest_of(answering, first)),
        narrative=decisions.WHY_DISPUTED,
        reply_to=first,
    )
    tell.act(answering.who, "disputes it: the no-contact order that it builds on was never issued")
    await scene.both_agree(request, "disputed")
    tell.say("Both nodes, each from its own copy: the assessment is disputed, and nothing may rest on it.")
    considered.append(await scene.digest_of(officer, dispute))
    scene.said["first_final"] = first
    scene.said["final"] = await scene.say(
        officer,
        "risk-assessment.final",
        answering,
        decisions.final_assessment(
            scene.today, considered=considered, replaces=first["id"], outstanding=True
        ),
        narrative=decisions.REVISED,
        reply_to=dispute,
    )
    tell.act(officer.who, "revises: the risk from the recruiter is not answered as long as he may come near")


async def risk_is_answered(scene: Scene) -> None:
    """The order is issued; a new fact, a new conclusion, and the other State stands by it."""
    tell, officer, answering = scene.tell, scene.officer, scene.answering
    tell.step("The risk is answered, and the assessment made anew")
    fact = await scene.say(
        answering,
        "risk-assessment.contribution",
        officer,
        decisions.contribution(scene.today, by_origin=True, order_issued=True),
        reply_to=scene.said["assessment"],
    )
    tell.act(answering.who, "contributes: a court has issued the no-contact order, and it is in place")
    earlier = (await officer.node.message(scene.said["final"]["id"]))["content"]["coded"]["considered"]
    considered = [
        *earlier,
        await scene.digest_of(officer, fact),
        await scene.digest_of(officer, scene.said["views"]),
    ]
    final = await scene.say(
        officer,
        "risk-assessment.final",
        answering,
        decisions.final_assessment(scene.today, considered=considered, replaces=scene.said["final"]["id"]),
        narrative=decisions.ANSWERED,
        reply_to=scene.said["final"],
    )
    scene.said["final"] = final
    await scene.say(
        answering,
        "risk-assessment.corroboration",
        officer,
        {"final_assessment": await scene.digest_of(answering, final)},
        reply_to=final,
    )
    await scene.both_agree(scene.said["assessment"], "corroborated")
    tell.act(officer.who, "concludes again, naming the new fact; Romania corroborates it")
