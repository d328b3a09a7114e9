# What a mail says. Counts, kinds and dates; nothing here may take a name or a case.

notice-message-arrived =
    { $count ->
        [one] 1 new message
       *[other] { $count } new messages
    }
notice-message-refused =
    { $count ->
        [one] 1 message was not accepted
       *[other] { $count } messages were not accepted
    }
notice-message-sent-on =
    { $count ->
        [one] 1 request was passed on to another authority
       *[other] { $count } requests were passed on to another authority
    }
notice-due-soon =
    { $count ->
        [one] 1 answer is due soon
       *[other] { $count } answers are due soon
    }
notice-overdue =
    { $count ->
        [one] 1 answer is overdue
       *[other] { $count } answers are overdue
    }
notice-escalated =
    { $count ->
        [one] 1 overdue answer was escalated
       *[other] { $count } overdue answers were escalated
    }
notice-lapsed =
    { $count ->
        [one] 1 item has lapsed
       *[other] { $count } items have lapsed
    }
notice-clock-differs =
    { $count ->
        [one] 1 deadline is reckoned differently by the other authority
       *[other] { $count } deadlines are reckoned differently by the other authority
    }
notice-approval-waiting =
    { $count ->
        [one] 1 proposal waits for a second person
       *[other] { $count } proposals wait for a second person
    }
notice-approval-decided =
    { $count ->
        [one] 1 proposal was decided
       *[other] { $count } proposals were decided
    }
notice-identity-released =
    { $count ->
        [one] 1 release of identity data was granted
       *[other] { $count } releases of identity data were granted
    }
notice-protection-unknown =
    { $count ->
        [one] 1 case needs its protection status settled anew
       *[other] { $count } cases need their protection status settled anew
    }
notice-stuck =
    { $count ->
        [one] 1 item does not move on
       *[other] { $count } items do not move on
    }
notice-key-ending =
    { $count ->
        [one] 1 key ends soon
       *[other] { $count } keys end soon
    }
notice-directory-ending =
    { $count ->
        [one] 1 directory entry ends soon
       *[other] { $count } directory entries end soon
    }
notice-split-view =
    { $count ->
        [one] 1 other node sees a different directory
       *[other] { $count } other nodes see a different directory
    }
notice-relay-failed =
    { $count ->
        [one] 1 message could not be relayed
       *[other] { $count } messages could not be relayed
    }
notice-adapter-unwell =
    { $count ->
        [one] 1 connection to another system does not work
       *[other] { $count } connections to other systems do not work
    }
several =
    { $count ->
        [one] 1 notice
       *[other] { $count } notices
    }

with-due = { $what }, due { $date }
with-first-due = { $what }, the first due { $date }
with-until = { $what }, until { $date }
with-first-until = { $what }, the first until { $date }

open = Open Focalpoint:
nothing-else = This mail says nothing about any case, and no other will. Replies are not read.
who-decides = Your administrator decides what is sent to this mailbox, and when.
