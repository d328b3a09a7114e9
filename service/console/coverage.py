"""What a browser can do of what the API can: for each endpoint its pages, or why there is none; and the same
for each of its query parameters.

Tests hold it to be whole: every role that may call an endpoint may open one of its pages, and every parameter
of the endpoint is one of such a page, under the same name or another, or is explained.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from service.access.roles import Endpoint

__all__ = ["COVERED", "PARAMETERS", "NoPage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoPage:
    """No page of the consoles stands for it, and why none has to."""

    reason: str


_SIGNING_IN: Final = NoPage(reason="it is where people sign in, and answers browsers by itself")
_OF_PROGRAMS: Final = NoPage(reason="by it programs come to be known; people have a session instead")
_OF_SUPERVISORS: Final = NoPage(reason="asked by what starts and watches processes; people see the overview")

COVERED: Final[Mapping[Endpoint, tuple[Endpoint, ...] | NoPage]] = MappingProxyType(
    {
        ("POST", "/v1/cases"): (("POST", "/console/cases"),),
        ("GET", "/v1/cases/{reference}"): (("GET", "/console/cases/{reference}"),),
        ("GET", "/v1/cases/{reference}/timeline/rendering"): (
            ("GET", "/console/cases/{reference}/timeline"),
        ),
        ("PUT", "/v1/cases/{reference}/protection"): (("POST", "/console/cases/{reference}/protection"),),
        ("PUT", "/v1/cases/{reference}/guardian"): (("POST", "/console/cases/{reference}/guardian"),),
        ("GET", "/v1/cases/{reference}/retention"): (("GET", "/console/cases/{reference}/retention"),),
        ("POST", "/v1/cases/{reference}/retention"): (("POST", "/console/cases/{reference}/retention"),),
        ("GET", "/v1/retention"): (("GET", "/console/retention"),),
        ("POST", "/v1/retention"): (("POST", "/console/retention"),),
        ("GET", "/v1/cases/{reference}/next-steps"): (("GET", "/console/cases/{reference}"),),
        ("GET", "/v1/cases/{reference}/evidence"): (("GET", "/console/cases/{reference}/evidence"),),
        ("GET", "/v1/cases/{reference}/agreements/{digest}"): (
            ("GET", "/console/cases/{reference}/agreements/{digest}"),
            ("GET", "/console/cases/{reference}/agreements/{digest}/file"),
        ),
        ("GET", "/v1/cases/{reference}/agreements/{digest}/rendering"): (
            ("GET", "/console/cases/{reference}/agreements/{digest}/rendering"),
        ),
        ("PUT", "/v1/cases/{reference}/attachments/{id}"): (("POST", "/console/cases/{reference}/compose"),),
        ("POST", "/v1/messages"): (("POST", "/console/cases/{reference}/compose"),),
        ("POST", "/v1/messages/validation"): (("POST", "/console/cases/{reference}/compose"),),
        ("GET", "/v1/messages"): (("GET", "/console/messages"),),
        ("GET", "/v1/messages/{id}"): (("GET", "/console/messages/{id}"),),
        ("GET", "/v1/messages/{id}/evidence"): (("GET", "/console/messages/{id}/evidence"),),
        ("GET", "/v1/messages/{id}/rendering"): (("GET", "/console/messages/{id}/rendering"),),
        ("GET", "/v1/messages/{id}/attachments"): (("GET", "/console/messages/{id}"),),
        ("GET", "/v1/messages/{id}/attachments/{digest}"): (
            ("POST", "/console/messages/{id}/attachments/{digest}"),
        ),
        ("POST", "/v1/messages/{id}/collection"): (("POST", "/console/messages/{id}/collection"),),
        ("POST", "/v1/messages/{id}/identity-release"): (
            ("POST", "/console/messages/{id}/identity-release"),
        ),
        ("GET", "/v1/approvals"): (("GET", "/console/approvals"),),
        ("GET", "/v1/approvals/{id}"): (("GET", "/console/approvals/{id}"),),
        ("POST", "/v1/approvals/{id}/decision"): (("POST", "/console/approvals/{id}/decision"),),
        ("GET", "/v1/messages/{id}/envelope"): (("GET", "/console/messages/{id}/envelope"),),
        ("POST", "/v1/envelopes"): (("POST", "/console/envelopes"),),
        ("POST", "/v1/messages/{id}/paper-consent"): (("POST", "/console/messages/{id}/paper-consent"),),
        ("POST", "/v1/hand-over"): (("POST", "/console/admin/hand-over"),),
        ("POST", "/v1/hand-over/{state}"): (("POST", "/console/admin/hand-over/file"),),
        ("GET", "/v1/relay/pending"): (("GET", "/console/relay"),),
        ("POST", "/v1/messages/{id}/relay"): (("POST", "/console/messages/{id}/relay"),),
        ("GET", "/v1/messages/{id}/relay/envelope"): (("GET", "/console/messages/{id}/relay/envelope"),),
        ("GET", "/v1/directory/authorities"): (("GET", "/console/directory"),),
        ("GET", "/v1/directory/state"): (
            ("GET", "/console/directory"),
            ("GET", "/console/admin/directory"),
            ("GET", "/console/operator/keys"),
        ),
        ("POST", "/v1/directory/entries/preview"): (
            ("POST", "/console/admin/directory/{kind}/{name}"),
            ("POST", "/console/admin/mandates"),
            ("POST", "/console/admin/profiles"),
        ),
        ("PUT", "/v1/directory/entries/{kind}/{name}"): (
            ("POST", "/console/admin/directory/{kind}/{name}"),
            ("POST", "/console/admin/mandates/{name}/end"),
            ("POST", "/console/admin/profiles/{name}/end"),
        ),
        ("POST", "/v1/keys/actions"): (("POST", "/console/admin/keys"),),
        ("GET", "/v1/directory/landing"): (("GET", "/console/directory"),),
        ("GET", "/v1/vocabularies"): (("GET", "/console/codes"),),
        ("GET", "/v1/vocabularies/{scheme}"): (("GET", "/console/codes"),),
        ("GET", "/v1/deadlines"): (
            ("GET", "/console/work"),
            ("GET", "/console/deadlines"),
            ("GET", "/console/operator/deadlines"),
        ),
        ("GET", "/v1/indicators"): (
            ("GET", "/console/indicators"),
            ("GET", "/console/indicators/file"),
        ),
        ("PUT", "/v1/adapters/{name}/health"): NoPage(
            reason="an adapter says how it is itself; no person says it for one"
        ),
        ("GET", "/v1/adapters"): (("GET", "/console/operator/adapters"),),
        ("GET", "/v1/statistics"): (("GET", "/console/statistics"),),
        ("POST", "/v1/statistics/releases"): (("POST", "/console/statistics"),),
        ("GET", "/v1/statistics/releases/{id}"): (
            ("GET", "/console/statistics/{id}"),
            ("GET", "/console/statistics/{id}/file"),
        ),
        ("GET", "/v1/notices"): (("GET", "/console/notices"),),
        ("PUT", "/v1/notices/read"): (("POST", "/console/notices/read"),),
        ("GET", "/v1/events"): NoPage(reason="a stream for programs; the bar on top counts the same notices"),
        ("GET", "/v1/subscriptions"): (("GET", "/console/admin/subscriptions"),),
        ("GET", "/v1/subscriptions/{id}"): (("GET", "/console/admin/subscriptions/{id}"),),
        ("PUT", "/v1/subscriptions/{id}"): (("POST", "/console/admin/subscriptions"),),
        ("DELETE", "/v1/subscriptions/{id}"): (("POST", "/console/admin/subscriptions/{id}/remove"),),
        ("GET", "/v1/journal"): (("GET", "/console/journal"), ("GET", "/console/journal/file")),
        ("GET", "/v1/clients"): (("GET", "/console/admin/systems"),),
        ("PUT", "/v1/clients/{id}"): (("POST", "/console/admin/systems"),),
        ("DELETE", "/v1/clients/{id}"): (("POST", "/console/admin/systems/{id}/disable"),),
        ("GET", "/v1/persons"): (("GET", "/console/admin/people"),),
        ("POST", "/v1/persons"): (("POST", "/console/admin/people"),),
        ("DELETE", "/v1/persons/{id}"): (("POST", "/console/admin/people/{id}/disable"),),
        ("POST", "/v1/persons/{id}/invitation"): (("POST", "/console/admin/people/{id}/link"),),
        ("GET", "/v1/operations/stuck"): (("GET", "/console/operator/stuck"),),
        ("GET", "/v1/operations/peers"): (("GET", "/console/operator/peers"),),
        ("GET", "/metrics"): NoPage(reason="in the form that Prometheus reads; people see the overview"),
        ("GET", "/.well-known/focalpoint-webhook-key"): NoPage(
            reason="receivers of webhooks fetch the key that they verify with"
        ),
        ("POST", "/oauth/token"): _OF_PROGRAMS,
        ("GET", "/.well-known/oauth-authorization-server"): _OF_PROGRAMS,
        ("GET", "/auth/login"): _SIGNING_IN,
        ("GET", "/auth/callback"): _SIGNING_IN,
        ("GET", "/auth/invitation/{secret}"): _SIGNING_IN,
        ("POST", "/auth/invitation/{secret}"): _SIGNING_IN,
        ("GET", "/auth/session"): NoPage(reason="every page shows who is signed in, and in which role"),
        ("DELETE", "/auth/session"): (("POST", "/console/sign-out"),),
        ("POST", "/auth/token"): NoPage(
            reason="a token for a program that somebody starts; a browser needs none, and keeps none"
        ),
        ("GET", "/livez"): _OF_SUPERVISORS,
        ("GET", "/readyz"): _OF_SUPERVISORS,
        ("GET", "/openapi.yaml"): NoPage(reason="the description of the API, for those who write programs"),
    }
)

_BY_TITLE: Final = "the reader's language, which every page is in and whose foot offers the others"
_PER_PAGE: Final = NoPage(reason="pages have a length of their own, and go on to the next")
_HELD_BACK: Final = NoPage(
    reason="a program waits for what comes next; a person looks again, or reads the notices"
)
_IN_FORM: Final = "said in the form that is sent, so that it stands in no address and no history"

PARAMETERS: Final[Mapping[tuple[str, str, str], str | NoPage]] = MappingProxyType(
    {
        ("GET", "/v1/cases/{reference}/timeline/rendering", "lang"): "language",
        ("GET", "/v1/cases/{reference}/agreements/{digest}/rendering", "lang"): "language",
        ("GET", "/v1/messages/{id}/rendering", "lang"): "language",
        ("GET", "/v1/indicators", "lang"): NoPage(reason=_BY_TITLE),
        ("GET", "/v1/statistics/releases/{id}", "lang"): NoPage(reason=_BY_TITLE),
        ("GET", "/v1/vocabularies", "lang"): NoPage(reason=_BY_TITLE),
        ("GET", "/v1/vocabularies/{scheme}", "lang"): NoPage(reason=_BY_TITLE),
        ("GET", "/v1/deadlines", "limit"): _PER_PAGE,
        ("GET", "/v1/journal", "limit"): _PER_PAGE,
        ("GET", "/v1/messages", "limit"): _PER_PAGE,
        ("GET", "/v1/notices", "limit"): _PER_PAGE,
        ("GET", "/v1/statistics", "limit"): _PER_PAGE,
        ("GET", "/v1/messages", "wait"): _HELD_BACK,
        ("GET", "/v1/notices", "wait"): _HELD_BACK,
        ("GET", "/v1/messages", "thread"): NoPage(
            reason="the page of the case shows each of its conversations by itself, with all of its messages"
        ),
        ("GET", "/v1/indicators", "as_of"): NoPage(
            reason="the page gives the latest figures that have settled; those of a former day are in the "
            "files that were taken then, and a program that compares two days asks for both"
        ),
        ("GET", "/v1/messages/{id}", "identity"): NoPage(reason=_IN_FORM),
        ("GET", "/v1/messages/{id}", "reason"): NoPage(reason=_IN_FORM),
        ("GET", "/v1/messages/{id}/attachments/{digest}", "identity"): NoPage(reason=_IN_FORM),
        ("GET", "/v1/messages/{id}/attachments/{digest}", "reason"): NoPage(reason=_IN_FORM),
        ("POST", "/v1/messages/{id}/collection", "rendering"): NoPage(reason=_IN_FORM),
        ("POST", "/v1/messages/{id}/collection", "lang"): NoPage(reason=_IN_FORM),
        ("POST", "/v1/messages/{id}/collection", "format"): NoPage(
            reason="what a page has shown is always HTML, and the receipt says so"
        ),
    }
)
"""Parameters that no page has under the same name: the name that the page has for it, or why it has none."""
