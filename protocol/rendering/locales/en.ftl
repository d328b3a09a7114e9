# What surrounds the coded values of a message. Codes, fields and message types are in vocabularies/labels/.

moment = { $date }, { $time } UTC
state-and-address = { $state }, { $address }
international-body = international body

header-case = Case
header-sender = From
header-recipient = To
header-signed = Signed
header-urgency = Urgency
header-safety = Declaration
header-id = Message
header-thread = Conversation
header-reply = In reply to
header-vocabulary = Vocabulary release

untranslated = untranslated: { $language }
narrative-absent = Free text is not shown here.
identity-sealed = Identity: sealed part, not shown.

broader = code { $code } is not known here; this is the nearest broader concept
unknown-code = not known here

unreviewed = Labels are the project’s own translations and have not been reviewed officially.
people-judge = The software checks presence, dates and signatures; people judge the content.

agreement-title = Agreement on a durable solution
agreement-between = Between
agreement-digest = Digest
agreement-proposal = Agreed version (message)
agreement-amends = Takes the place of the agreement
agreement-lifts = Answers the suspensions
agreement-terms = Terms
agreement-signed = Signed by both States
agreement-key = with the key { $key }
agreement-rests-on = Rests on
agreement-document = Document
agreement-document-absent = This document is not held here.
agreement-parts-absent = Free text and identity are bound by the agreement’s digest and are not shown here.
agreement-no-evidence = This page is no evidence: the signed bytes are. It does not say whether the agreement is in force.

page-of = Page { $page } of { $pages }
not-shown = { $count ->
    [one] { $count } character of this document cannot be printed here and stands as �. The HTML and text renderings show it.
   *[other] { $count } characters of this document cannot be printed here and stand as �. The HTML and text renderings show them.
}

numbered = { $label } { $number }
party-child = The child
party-carer = Carer { $number }
party-person = Person { $number }
party-place = Place { $number }

timeline-title = Timeline of case { $case }
timeline-count = { $count ->
    [one] { $count } event
   *[other] { $count } events
}
timeline-empty = Nothing has happened yet.
timeline-party = from { $sender } to { $recipient }
timeline-due = answer due { $moment }
timeline-due-on-basis = answer due { $moment } ({ $basis })
timeline-days-left = { $days ->
    [0] due today
    [one] { $days } day left
   *[other] { $days } days left
}
timeline-days-late = { $days ->
    [one] { $days } day overdue
   *[other] { $days } days overdue
}
timeline-refused = refused: { $reason }
signed-by = signed by { $issuer }

event-case-opened = Case opened
event-identity-shown = Identity part shown to a person
event-parts-blocked = Free text and identity blocked: nobody reads them
event-parts-unblocked = Block taken back
event-hold-set = Legal hold set: nothing is erased
event-hold-lifted = Legal hold lifted
event-identity-erased = Identity erased for good
event-narrative-erased = Free text erased for good
event-message-refused = Message refused
event-deadline-passed = Deadline passed without an answer
event-case-key-destroyed = Identity destroyed with its key
event-case-closed = Case closed

report-title = Verification of evidence
report-whole = Whole: every signature is valid and no link is missing, altered or out of order.
report-not-whole = { $count ->
    [one] Not whole: { $count } finding.
   *[other] Not whole: { $count } findings.
}
report-where = at { $where }
report-as-of = Exported
report-proven = What the evidence proves
report-shown = shown as { $format } in this language: { $language }; digest { $digest }

statistics-title = Statistics on cases of child trafficking
statistics-role = This State’s part in the cases
statistics-period = Cases that became known in the year
statistics-stock = Cases known and not closed at the end of
statistics-made = Counted on
statistics-total = All cases
statistics-counted = Each child is counted once, by the case reference, however often the case was notified. Presumed victims are counted.
statistics-hidden = A number under { $threshold } is not shown, nor is zero; another number is hidden beside it where it could be worked out otherwise. Only the sum of what is hidden is given. “Not shown” does not mean that there is nobody.
statistics-not-shown = not shown
statistics-together = Those not shown, together
statistics-fewer = fewer than { $threshold }
statistics-corridor = Between which States
statistics-other-corridors = All other pairs of States
statistics-pair = { $destination } to { $origin }
statistics-several-forms = Several forms
