"""What every adapter is made of, so that a national team writes one in a day and touches no node.

    mapping.py       pure: a record of theirs to a message of ours, and back       (yours)
    crosswalk.json   which field is which, and what cannot be carried               (yours)
    client.py        the other system's calls                                       (yours)
    worker.py        an `Adapter`: deliver, changed, take                           (yours)

    settings         the TOML file: which node, as whom, where the adapter remembers
    memory           what was settled, what waits, how far each side was read
    running          the loop: nothing lost, nothing doubled, no faster than allowed
    health           how it is, told to the node, where the operator sees it
    mail             a mail server, for those that send e-mail
    serving          a port, for those that another system calls
    words            sentences in every language, for those that write to people
    crosswalks       reads crosswalk.json, and refuses one that is silent about a field
    trial            a stand-in server with a hostile mode, and the claims that every adapter has to keep

docs/adapters.md walks through it; `adapters/template` is one to copy.
"""

from __future__ import annotations

from adapters.kit.errors import Away, NotNow, Unfit
from adapters.kit.health import Health, State
from adapters.kit.memory import Memory
from adapters.kit.running import Adapter, Batch, Desk, run
from adapters.kit.settings import Settings, load

__all__ = [
    "Adapter",
    "Away",
    "Batch",
    "Desk",
    "Health",
    "Memory",
    "NotNow",
    "Settings",
    "State",
    "Unfit",
    "load",
    "run",
]
