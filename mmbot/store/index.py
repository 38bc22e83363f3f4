"""What is searched of a ticket: its index columns, its parts, its turns, and when it is looked at next."""

from collections.abc import Mapping

from mmbot.domain.references import repository_key
from mmbot.domain.reminders import next_rung
from mmbot.domain.ticket import Ticket
from mmbot.domain.turns import Turn
from mmbot.policy import Policy
from mmbot.store import search
from mmbot.store.failing import Connection


def put(connection: Connection, policy: Policy, ticket: Ticket, turns: Mapping[str, Turn], looked_at: int = -1) -> None:
    """Write what is searched of a ticket, and when it is looked at next: what fell due by `looked_at` is in hand already."""
    live = not ticket.ended and not ticket.public
    row = (
        ticket.number, int(live), ticket.owner, ticket.submitter, ticket.name.lower(), ticket.plugin_id.lower(),
        ticket.place, repository_key(ticket.fork), ticket.changed_at,
    )  # fmt: skip
    connection.execute(
        """INSERT INTO ticket (number, open, owner, submitter, name, plugin_key, repository_key, fork_key, changed_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (number) DO UPDATE SET open = excluded.open, owner = excluded.owner,
           submitter = excluded.submitter, name = excluded.name, plugin_key = excluded.plugin_key,
           repository_key = excluded.repository_key, fork_key = excluded.fork_key, changed_at = excluded.changed_at""",
        row,
    )
    connection.execute("DELETE FROM part WHERE ticket = ?", (ticket.number,))
    under_way = live or bool(turns)
    maintain = [(f"maintainer:{n}", x) for n, x in enumerate(ticket.maintainers) if x != ticket.submitter]
    connection.executemany(
        "INSERT INTO part (ticket, part, person) VALUES (?, ?, ?)",
        [(ticket.number, part, person) for part, person in (*ticket.parts, *maintain) if under_way],
    )
    connection.execute("DELETE FROM turn WHERE ticket = ?", (ticket.number,))
    connection.executemany(
        "INSERT INTO turn (ticket, party, person, why, since, due, rank) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (ticket.number, x.party, _person(ticket, x), x.why, x.since, x.due, int(not x.urgent_at))
            for x in turns.values()
        ],
    )
    upcoming = next_rung(policy, turns.values(), looked_at) if turns else None
    if upcoming is None:
        connection.execute("DELETE FROM due WHERE subject = ? AND at > ?", (f"ticket:{ticket.number}", looked_at))
    else:
        connection.execute(
            """INSERT INTO due (subject, at) VALUES (?, ?) ON CONFLICT (subject) DO UPDATE SET at = excluded.at WHERE at > ?""",
            (f"ticket:{ticket.number}", upcoming, looked_at),
        )  # fmt: skip
    search.put(connection, ticket)


def _person(ticket: Ticket, turn: Turn) -> str:
    if turn.party == "owner":
        return ticket.owner
    if turn.party == "submitter":
        return ticket.submitter
    return ticket.review(turn.party).reviewer
