"""Web pages under review: nothing of them is signed, so their address stands for a commit and nothing is looked up."""

import hashlib
import re

from mmbot.domain import facts as f
from mmbot.domain.ticket import Ticket
from mmbot.domain.ticket_parts import PAGE, page_key
from mmbot.handlers.twins import twice
from mmbot.messages import Refused
from mmbot.store import tickets
from mmbot.store.tx import Tx
from mmbot.words import tracks as words
from mmbot.words.choices import no_address

ADDRESS = re.compile(r"https://[a-z0-9.-]+\.[a-z]{2,}(?::\d+)?(?:/[!#-'*-;=?-Z^_a-~]*)?", re.IGNORECASE)
"""An address that a stranger's browser can open: no spaces, brackets or quotation marks, nothing but TLS."""


def page(tx: Tx, address: str) -> f.Resolved:
    """A page as what is under review: forty digits made from its address stand for a commit."""
    return f.Resolved(
        text=address, repository=address, ref_kind=PAGE, ref_name="", track="web",
        commit=hashlib.sha1(page_key(address).encode(), usedforsecurity=False).hexdigest(), at=tx.at, via=tx.via,
    )  # fmt: skip


def move_page(tx: Tx, before: Ticket, address: str) -> Ticket:
    """Another page is reviewed from now on: it needs no looking up."""
    if not ADDRESS.fullmatch(address.strip()):
        raise Refused(no_address(address), "link")
    if twins := tickets.same_plugin(tx.store, before.number, page_key(address), ""):
        raise Refused(twice(tx, tx.ticket(twins[0])), "link")
    if page_key(address) == before.place:
        raise Refused(words.same_page(before))
    return before.plus(page(tx, address.strip()))
