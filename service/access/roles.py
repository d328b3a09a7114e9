"""Roles, their scopes, and the scope that each endpoint needs. Data; an endpoint that is not here does not
start.

The roles are this project's decision. Operator, administrator, auditor and
statistician have no scope that shows content: they can do their whole work without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from service.errors import Misconfigured

__all__ = [
    "CONTENT_SCOPES",
    "ENDPOINTS",
    "ROLE_SCOPES",
    "SIGN_IN_ENDPOINTS",
    "Endpoint",
    "Role",
    "Scope",
    "check_endpoints",
]

type Endpoint = tuple[str, str]
"""Method and path template, as in `openapi.yaml`."""


class Role(StrEnum):
    CASE_OFFICER = "case-officer"
    SUPERVISOR = "supervisor"
    OPERATOR = "operator"
    INTERMEDIARY_OFFICER = "intermediary-officer"
    AUDITOR = "auditor"
    STATISTICIAN = "statistician"
    ADMINISTRATOR = "administrator"
    AGENCY_SYSTEM = "agency-system"


class Scope(StrEnum):
    CASES_WRITE = "cases:write"
    CASES_READ = "cases:read"
    MESSAGES_SEND = "messages:send"
    MESSAGES_READ = "messages:read"
    MESSAGES_COLLECT = "messages:collect"
    AGREEMENTS_PROPOSE = "agreements:propose"
    AGREEMENTS_SIGN = "agreements:sign"
    IDENTITY_REQUEST = "identity:request"
    IDENTITY_READ = "identity:read"
    APPROVALS_READ = "approvals:read"
    APPROVALS_DECIDE = "approvals:decide"
    PROTECTION_WRITE = "protection:write"
    DEADLINES_READ = "deadlines:read"
    DIRECTORY_READ = "directory:read"
    ENVELOPES_CARRY = "envelopes:carry"
    AUDIT_READ = "audit:read"
    ADMIN = "admin"
    METRICS_READ = "metrics:read"
    OPERATIONS_READ = "operations:read"
    RELAY_CARRY = "relay:carry"
    RETENTION_READ = "retention:read"
    RETENTION_WRITE = "retention:write"
    INDICATORS_READ = "indicators:read"
    INDICATORS_FULL = "indicators:full"
    STATISTICS_READ = "statistics:read"
    ADAPTERS_REPORT = "adapters:report"
    ADAPTERS_READ = "adapters:read"
    STATISTICS_RELEASE = "statistics:release"
    NOTICES_READ = "notices:read"


CONTENT_SCOPES: Final = frozenset(
    {
        Scope.CASES_READ,
        Scope.MESSAGES_READ,
        Scope.IDENTITY_REQUEST,
        Scope.IDENTITY_READ,
        Scope.MESSAGES_SEND,
        Scope.MESSAGES_COLLECT,
        Scope.AGREEMENTS_PROPOSE,
        Scope.AGREEMENTS_SIGN,
    }
)
"""What shows, or lets one say, something about a child."""

_CASE_WORK: Final = frozenset(
    {
        Scope.CASES_WRITE,
        Scope.CASES_READ,
        Scope.MESSAGES_SEND,
        Scope.MESSAGES_READ,
        Scope.MESSAGES_COLLECT,
        Scope.DEADLINES_READ,
        Scope.DIRECTORY_READ,
        Scope.RETENTION_READ,
        Scope.NOTICES_READ,
    }
)

_PROPOSING: Final = frozenset(
    {
        Scope.PROTECTION_WRITE,
        Scope.ENVELOPES_CARRY,
        Scope.IDENTITY_REQUEST,
        Scope.AGREEMENTS_PROPOSE,
        Scope.APPROVALS_READ,
        Scope.APPROVALS_DECIDE,
    }
)
"""Being one of two people. What each may decide on is in `service.access.pairs.KINDS`."""

ROLE_SCOPES: Final[Mapping[Role, frozenset[Scope]]] = MappingProxyType(
    {
        Role.CASE_OFFICER: _CASE_WORK | _PROPOSING,
        # The second pair of eyes (`service.access.pairs`): decides on what another person has proposed.
        Role.SUPERVISOR: _CASE_WORK
        | _PROPOSING
        | {
            Scope.IDENTITY_READ,
            Scope.AGREEMENTS_SIGN,
            Scope.RETENTION_WRITE,
            Scope.INDICATORS_READ,
            Scope.INDICATORS_FULL,
        },
        # The status of protection is the State's own; an intermediary stands in for messages, not for that.
        Role.INTERMEDIARY_OFFICER: _CASE_WORK
        | {Scope.ENVELOPES_CARRY, Scope.APPROVALS_READ, Scope.RELAY_CARRY},
        # Software is not one of two people, and is shown no identity. It sees what became of its messages.
        Role.AGENCY_SYSTEM: _CASE_WORK | {Scope.APPROVALS_READ, Scope.ADAPTERS_REPORT, Scope.RELAY_CARRY},
        Role.OPERATOR: frozenset(
            {
                Scope.OPERATIONS_READ,
                Scope.ADAPTERS_READ,
                Scope.DEADLINES_READ,
                Scope.DIRECTORY_READ,
                Scope.ENVELOPES_CARRY,
                Scope.METRICS_READ,
                Scope.INDICATORS_READ,
                Scope.INDICATORS_FULL,
                Scope.NOTICES_READ,
            }
        ),
        Role.AUDITOR: frozenset({Scope.AUDIT_READ, Scope.DIRECTORY_READ}),
        # Numbers alone, with what is small hidden: no scope that shows content, and of indicators only what
        # everybody may see. With few requests on a corridor a full figure is one child's case.
        Role.STATISTICIAN: frozenset(
            {Scope.DIRECTORY_READ, Scope.STATISTICS_READ, Scope.STATISTICS_RELEASE, Scope.INDICATORS_READ}
        ),
        Role.ADMINISTRATOR: frozenset(
            {
                Scope.ADMIN,
                Scope.OPERATIONS_READ,
                Scope.DIRECTORY_READ,
                Scope.METRICS_READ,
                Scope.APPROVALS_READ,
                Scope.APPROVALS_DECIDE,
                # Of any case, by its reference, without seeing what is in it.
                Scope.RETENTION_READ,
                Scope.RETENTION_WRITE,
                Scope.NOTICES_READ,
            }
        ),
    }
)

PUBLIC: Final[frozenset[Scope]] = frozenset()

ENDPOINTS: Final[Mapping[Endpoint, frozenset[Scope]]] = MappingProxyType(
    {
        ("POST", "/v1/cases"): frozenset({Scope.CASES_WRITE}),
        ("GET", "/v1/cases/{reference}"): frozenset({Scope.CASES_READ}),
        ("GET", "/v1/cases/{reference}/timeline/rendering"): frozenset({Scope.CASES_READ}),
        ("PUT", "/v1/cases/{reference}/protection"): frozenset({Scope.PROTECTION_WRITE}),
        ("PUT", "/v1/cases/{reference}/guardian"): frozenset({Scope.PROTECTION_WRITE}),
        ("GET", "/v1/cases/{reference}/retention"): frozenset({Scope.RETENTION_READ}),
        ("POST", "/v1/cases/{reference}/retention"): frozenset({Scope.RETENTION_WRITE}),
        ("GET", "/v1/retention"): frozenset({Scope.RETENTION_WRITE}),
        ("POST", "/v1/retention"): frozenset({Scope.RETENTION_WRITE}),
        ("GET", "/v1/cases/{reference}/next-steps"): frozenset({Scope.CASES_READ}),
        ("GET", "/v1/cases/{reference}/evidence"): frozenset({Scope.CASES_READ}),
        ("GET", "/v1/cases/{reference}/agreements/{digest}"): frozenset({Scope.CASES_READ}),
        ("GET", "/v1/cases/{reference}/agreements/{digest}/rendering"): frozenset({Scope.MESSAGES_READ}),
        ("PUT", "/v1/cases/{reference}/attachments/{id}"): frozenset({Scope.MESSAGES_SEND}),
        ("POST", "/v1/messages"): frozenset({Scope.MESSAGES_SEND}),
        ("POST", "/v1/messages/validation"): frozenset({Scope.MESSAGES_SEND}),
        ("GET", "/v1/messages"): frozenset({Scope.MESSAGES_READ}),
        ("GET", "/v1/messages/{id}"): frozenset({Scope.MESSAGES_READ}),
        ("GET", "/v1/messages/{id}/evidence"): frozenset({Scope.MESSAGES_READ}),
        ("GET", "/v1/messages/{id}/rendering"): frozenset({Scope.MESSAGES_READ}),
        ("GET", "/v1/messages/{id}/attachments"): frozenset({Scope.MESSAGES_READ}),
        ("GET", "/v1/messages/{id}/attachments/{digest}"): frozenset(
            {Scope.MESSAGES_READ, Scope.IDENTITY_REQUEST}
        ),
        ("POST", "/v1/messages/{id}/collection"): frozenset({Scope.MESSAGES_COLLECT}),
        ("POST", "/v1/messages/{id}/identity-release"): frozenset({Scope.IDENTITY_REQUEST}),
        ("GET", "/v1/approvals"): frozenset({Scope.APPROVALS_READ}),
        ("GET", "/v1/approvals/{id}"): frozenset({Scope.APPROVALS_READ}),
        ("POST", "/v1/approvals/{id}/decision"): frozenset({Scope.APPROVALS_DECIDE}),
        ("GET", "/v1/messages/{id}/envelope"): frozenset({Scope.ENVELOPES_CARRY}),
        ("POST", "/v1/envelopes"): frozenset({Scope.ENVELOPES_CARRY}),
        ("POST", "/v1/messages/{id}/paper-consent"): frozenset({Scope.AGREEMENTS_PROPOSE}),
        ("POST", "/v1/hand-over"): frozenset({Scope.ADMIN}),
        ("POST", "/v1/hand-over/{state}"): frozenset({Scope.ADMIN}),
        ("GET", "/v1/relay/pending"): frozenset({Scope.RELAY_CARRY}),
        ("POST", "/v1/messages/{id}/relay"): frozenset({Scope.RELAY_CARRY}),
        ("GET", "/v1/messages/{id}/relay/envelope"): frozenset({Scope.RELAY_CARRY}),
        ("GET", "/v1/directory/authorities"): frozenset({Scope.DIRECTORY_READ}),
        ("GET", "/v1/directory/state"): frozenset({Scope.DIRECTORY_READ}),
        ("POST", "/v1/directory/entries/preview"): frozenset({Scope.ADMIN}),
        ("PUT", "/v1/directory/entries/{kind}/{name}"): frozenset({Scope.ADMIN}),
        ("POST", "/v1/keys/actions"): frozenset({Scope.ADMIN}),
        ("GET", "/v1/directory/landing"): frozenset({Scope.DIRECTORY_READ}),
        ("GET", "/v1/vocabularies"): frozenset({Scope.DIRECTORY_READ}),
        ("GET", "/v1/vocabularies/{scheme}"): frozenset({Scope.DIRECTORY_READ}),
        ("GET", "/v1/deadlines"): frozenset({Scope.DEADLINES_READ}),
        ("GET", "/v1/indicators"): frozenset({Scope.INDICATORS_READ}),
        ("PUT", "/v1/adapters/{name}/health"): frozenset({Scope.ADAPTERS_REPORT}),
        ("GET", "/v1/adapters"): frozenset({Scope.ADAPTERS_READ}),
        ("GET", "/v1/statistics"): frozenset({Scope.STATISTICS_READ}),
        ("POST", "/v1/statistics/releases"): frozenset({Scope.STATISTICS_RELEASE}),
        ("GET", "/v1/statistics/releases/{id}"): frozenset({Scope.STATISTICS_READ}),
        ("GET", "/v1/notices"): frozenset({Scope.NOTICES_READ}),
        ("PUT", "/v1/notices/read"): frozenset({Scope.NOTICES_READ}),
        ("GET", "/v1/events"): frozenset({Scope.NOTICES_READ}),
        ("GET", "/v1/subscriptions"): frozenset({Scope.ADMIN}),
        ("GET", "/v1/subscriptions/{id}"): frozenset({Scope.ADMIN}),
        ("PUT", "/v1/subscriptions/{id}"): frozenset({Scope.ADMIN}),
        ("DELETE", "/v1/subscriptions/{id}"): frozenset({Scope.ADMIN}),
        ("GET", "/v1/journal"): frozenset({Scope.AUDIT_READ}),
        ("GET", "/v1/clients"): frozenset({Scope.ADMIN}),
        ("PUT", "/v1/clients/{id}"): frozenset({Scope.ADMIN}),
        ("DELETE", "/v1/clients/{id}"): frozenset({Scope.ADMIN}),
        ("GET", "/v1/persons"): frozenset({Scope.ADMIN}),
        ("POST", "/v1/persons"): frozenset({Scope.ADMIN}),
        ("DELETE", "/v1/persons/{id}"): frozenset({Scope.ADMIN}),
        ("POST", "/v1/persons/{id}/invitation"): frozenset({Scope.ADMIN}),
        ("GET", "/v1/operations/stuck"): frozenset({Scope.OPERATIONS_READ}),
        ("GET", "/v1/operations/peers"): frozenset({Scope.OPERATIONS_READ}),
        ("GET", "/metrics"): frozenset({Scope.METRICS_READ}),
        # A public key: it is there to be compared.
        ("GET", "/.well-known/focalpoint-webhook-key"): PUBLIC,
        # Where one comes to be known. Each looks by itself at what it is shown.
        ("POST", "/oauth/token"): PUBLIC,
        ("GET", "/.well-known/oauth-authorization-server"): PUBLIC,
        ("GET", "/auth/login"): PUBLIC,
        ("GET", "/auth/callback"): PUBLIC,
        ("GET", "/auth/invitation/{secret}"): PUBLIC,
        ("POST", "/auth/invitation/{secret}"): PUBLIC,
        ("GET", "/auth/session"): PUBLIC,
        ("DELETE", "/auth/session"): PUBLIC,
        ("POST", "/auth/token"): PUBLIC,
        ("GET", "/livez"): PUBLIC,
        ("GET", "/readyz"): PUBLIC,
        ("GET", "/openapi.yaml"): PUBLIC,
    }
)
"""Every one of the scopes is needed. An empty set is said out loud: anybody may ask."""

SIGN_IN_ENDPOINTS: Final[frozenset[Endpoint]] = frozenset(
    {
        ("POST", "/oauth/token"),
        ("GET", "/auth/login"),
        ("GET", "/auth/callback"),
        ("POST", "/auth/invitation/{secret}"),
    }
)
"""Where guessing would pay: few attempts from one address. Looking at a one-time link is no attempt: its page
is the same for every secret."""


def check_endpoints(served: Iterable[Endpoint]) -> None:
    """Misconfigured `access.endpoint_undeclared` for an endpoint that is served and declares no scope."""
    undeclared = sorted(f"{method} {path}" for method, path in set(served) - set(ENDPOINTS))
    if undeclared:
        raise Misconfigured(
            "access.endpoint_undeclared",
            f"declare in service/access/roles.py the scope of: {', '.join(undeclared)}",
        )
