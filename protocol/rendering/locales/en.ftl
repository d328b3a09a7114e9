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

indicators-title = How timely States answer each other
indicators-year = Requests made in the year
indicators-as-of = As of
indicators-told-at = Told by the other node
indicators-none = No request of the year { $year } counts yet.
indicators-corridor = { $asking } asks { $answering }
indicators-for-states = For the two States of each corridor. With few requests a figure can be one child’s case: do not pass this page on; for the public there is the published form.
indicators-requests = Requests
indicators-accepted-in-seven-days = Accepted within 7 days
indicators-not-accepted-in-seven-days = Not accepted within 7 days
indicators-accepted-in-time = Accepted before the deadline
indicators-answered-in-time = Answered before the deadline
indicators-answered-late = Answered after the deadline
indicators-answered-in-first-time = Answered before the deadline as first set
indicators-median-days = Days to the answer, median
indicators-ninetieth-days = Days to the answer, 90th percentile
indicators-days-of = Requests that this is taken over
indicators-of = { $figure }: of how many
indicators-not-reached = not reached: too many have no answer
indicators-answered = Answered
indicators-lapsed = Lapsed without an answer
indicators-open = Still open
indicators-declined = Declined
indicators-withdrawn = Withdrawn by the asking authority
indicators-concluded = Concluded by the asking authority without an answer
indicators-extended = Given a new date
indicators-not-extended = Not given a new date
indicators-redirected = Redirected to another authority
indicators-not-redirected = Not redirected
indicators-paused = Clock stopped by a question
indicators-paused-days = Whole days for which the clock stood still, all requests together
indicators-paused-seconds = Seconds for which the clock stood still, all requests together
indicators-share = { $percent } % ({ $part } of { $of })
indicators-share-of-none = nothing to say yet (of 0)
indicators-beside = Beside the figures of { $state }
indicators-agree = Both States count the same.
indicators-differ = The two States count differently. A message, or the evidence that it arrived, is with one of them and not with the other.
indicators-other-definition = The other node counts by another definition; its figures cannot be compared.
indicators-both = here { $ours }, there { $theirs }
indicators-about = What the figures mean
indicators-about-moments = What counts are the signed dates of the authorities’ messages, and only messages of which signed evidence says that the other node had them before the instant given. When a node received something plays no part. So both States compute the same.
indicators-about-accepted = Accepted: the authority in charge accepted the request, or answered it straight away.
indicators-about-seven-days = Within 7 days, that is 168 hours: this is the indicator of the EU’s Internal Market Information System (IMI). The deadline for acceptance is another one.
indicators-about-answered = Answered: the report, the result, the contribution or the answer to the proposal was sent. For a notification of a case its acceptance is the answer. The deadline includes the time for which questions stopped the clock, and a new date, if they were signed before the answer.
indicators-about-first-time = Before the deadline as first set: without stopped clocks and new dates.
indicators-about-shares = A share stands beside the number it is of. Requests whose time is not over, or that ended otherwise before, are not counted in it.
indicators-about-days = Days to the answer: a day begun counts. The figure is taken over answered, lapsed and open requests; one without an answer counts as longer than any other. Of n requests in order the 90th percentile is the one in place 0.9 × n, rounded up; the median the one in place 0.5 × n.
indicators-about-ends = Every request is in one place: answered (also late), concluded without an answer, declined, withdrawn, lapsed, or open. Silence is never an answer.
indicators-about-paused = The clock stands still from a question of the answering authority until its answer, for a limited time.

# What an intermediary typed, and what a State accepted on paper.
header-via = Typed by
via-on-behalf = { $via } on behalf of { $sender }
via-attested = Attested: received as “{ $form }” on { $date }. How sure: { $strength }.
via-attested-again = Attested again, from another original; the weaker one counts: received as “{ $form }” on { $date }. How sure: { $strength }.
via-not-attested = Not attested: the intermediary has not yet said what it typed this from.
via-attestation = The intermediary’s own attestation
paper-title = Durable solution accepted on paper
paper-title-ended = Durable solution no longer accepted on paper
paper-ended-means = This version does not stand. What follows shows what was said of it before, and nothing that may be carried out.
paper-no-agreement = This is no agreement. One State signed this version; the other has not signed it: its consent came on paper.
paper-version = Version accepted on paper (message)
paper-signed = Signed by one State alone
paper-consent = Consent on paper
paper-of = Whose paper
paper-attested-by = Attested by
paper-attestation = Attestation (message)
paper-scan = Digest of the scan
paper-confirmed-by = Confirmed by two people of
paper-parts-absent = Free text and identity are bound by the version’s digest and are not shown here.
paper-no-evidence = This page is no evidence: the signed statements are. It does not say whether what was accepted still stands.
paper-consents = Consent on paper to the version with this digest: { $digest }. It makes no agreement.
paper-proven = Accepted on paper, not agreed
paper-proven-ended = No longer accepted on paper
paper-end-refused = Refused by
paper-end-withdrawn = Withdrawn by
paper-end-revoked = Revoked by
paper-end-superseded = Replaced by a newer version of
paper-end-not-mandated = Attested without a mandate by
