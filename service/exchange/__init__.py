"""One use case per file: what the API, the command line and the consoles ask a node to do.

`send` takes a message in from its own agency, `take_in` from another node; `accept` is what both nodes
agree on.
"""

from service.directory.desk import directory_state, preview_entry
from service.exchange.adapters import list_adapters, report_adapter
from service.exchange.agreements import agreement_file, render_agreement
from service.exchange.approvals import decide, list_approvals, read_approval, request_release
from service.exchange.attachments import list_attachments, put_attachment, read_attachment
from service.exchange.bundle import case_bundle
from service.exchange.carriage import export_envelope, import_envelope
from service.exchange.cases import case_timeline, open_case, record_guardian, set_protection
from service.exchange.collect import collect
from service.exchange.deadlines import deadlines
from service.exchange.governing import propose_entry, propose_key_act
from service.exchange.hand_over import export_hand_over, import_hand_over
from service.exchange.indicators import read_indicators, render_indicators
from service.exchange.next_steps import next_steps
from service.exchange.notices import (
    delete_subscription,
    list_notices,
    list_subscriptions,
    mark_read,
    newest_notice,
    put_subscription,
    read_subscription,
)
from service.exchange.paper import propose_paper_consent
from service.exchange.printing import render_message, render_timeline
from service.exchange.reading import list_messages, message_evidence, message_facts, read_message
from service.exchange.relay import pending_relays, record_relay, relay_envelope
from service.exchange.retention import (
    case_retention,
    change_retention,
    due_for_retention,
    run_retention,
)
from service.exchange.send import send, validate
from service.exchange.statistics import (
    list_statistics,
    make_statistics,
    read_statistics,
    render_statistics,
)
from service.exchange.watching import operations_peers, operations_stuck

__all__ = [
    "agreement_file",
    "case_bundle",
    "case_retention",
    "case_timeline",
    "change_retention",
    "collect",
    "deadlines",
    "decide",
    "delete_subscription",
    "directory_state",
    "due_for_retention",
    "export_envelope",
    "export_hand_over",
    "import_envelope",
    "import_hand_over",
    "list_adapters",
    "list_approvals",
    "list_attachments",
    "list_messages",
    "list_notices",
    "list_statistics",
    "list_subscriptions",
    "make_statistics",
    "mark_read",
    "message_evidence",
    "message_facts",
    "newest_notice",
    "next_steps",
    "open_case",
    "operations_peers",
    "operations_stuck",
    "pending_relays",
    "preview_entry",
    "propose_entry",
    "propose_key_act",
    "propose_paper_consent",
    "put_attachment",
    "put_subscription",
    "read_approval",
    "read_attachment",
    "read_indicators",
    "read_message",
    "read_statistics",
    "read_subscription",
    "record_guardian",
    "record_relay",
    "relay_envelope",
    "render_agreement",
    "render_indicators",
    "render_message",
    "render_statistics",
    "render_timeline",
    "report_adapter",
    "request_release",
    "run_retention",
    "send",
    "set_protection",
    "validate",
]
