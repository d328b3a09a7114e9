"""Notices on their way out of the node: by e-mail to an office's mailbox, by webhook to a system.

    subscriptions    where they go: who may say so, and what address is refused
    deliveries       the rows: given to subscriptions once, claimed by one worker at a time, settled
    words            what a mail says, in seven languages
    mail, webhook    the two ways out, each a `Channel`
    worker           reads what waits, hands it to its channel, and tries again

What goes out has an id, a kind and a due date. The rest stays in the node.
"""
