"""The book of people in the store: roles given in chat, deputies and absences, and the facts they come from."""

from mmbot.domain.book import DEFAULT_OWNER, Absence, AwaySaid, BookFact, DeputyNamed, RoleGiven, RoleTaken, read_fact
from mmbot.store.database import WITHHELD, Store


def record(store: Store, fact: BookFact, event: str, *, configured: bool = False) -> None:
    """Keep a fact, and bring up to date what is searched of it. What the configuration decides stands in its own table."""
    store.execute(
        "INSERT INTO book (kind, at, by, via, event, data) VALUES (?, ?, ?, ?, ?, ?)",
        fact.kind, fact.at, fact.by, fact.via, event, fact.model_dump_json(),
    )  # fmt: skip
    match fact:
        case RoleGiven() if not configured:
            store.execute("INSERT OR IGNORE INTO granted (role, person) VALUES (?, ?)", fact.role, fact.person)
        case RoleTaken() if not configured:
            store.execute("DELETE FROM granted WHERE role = ? AND person = ?", fact.role, fact.person)
        case DeputyNamed():
            _keep(store, fact.person)
            store.execute("UPDATE absence SET deputy = ? WHERE person = ?", fact.deputy, fact.person)
        case AwaySaid():
            _keep(store, fact.person)
            store.execute("UPDATE absence SET day = ?, until = ? WHERE person = ?", fact.day, fact.until, fact.person)


def _keep(store: Store, person: str) -> None:
    store.execute("INSERT OR IGNORE INTO absence (person, day, until, deputy) VALUES (?, '', 0, '')", person)


def last(store: Store, limit: int) -> list[BookFact]:
    """The newest facts, newest first."""
    return [read_fact(row["data"]) for row in store.query("SELECT data FROM book ORDER BY id DESC LIMIT ?", limit)]


def absence(store: Store, person: str) -> Absence:
    """Somebody's deputy and last absence."""
    rows = store.query("SELECT person, day, until, deputy FROM absence WHERE person = ?", person)
    return Absence(**rows[0]) if rows else Absence(person)


def stood_in_for(store: Store, deputy: str, at: int) -> list[Absence]:
    """The absences, at a moment, of those for whom somebody stands in."""
    rows = store.query("SELECT person, day, until, deputy FROM absence WHERE deputy = ? AND deputy <> ''", deputy)
    return [found for row in rows if (found := Absence(**row)).at(at)]


def granted(store: Store) -> set[tuple[str, str]]:
    """The (role, person) pairs given in chat."""
    return {(row["role"], row["person"]) for row in store.query("SELECT role, person FROM granted ORDER BY role")}


def configured(store: Store) -> set[tuple[str, str]]:
    """The (role, person) pairs of the configuration, without those that are withheld."""
    return {(row["role"], row["person"]) for row in store.role_names() if not row["person"].startswith(WITHHELD)}


def default_owner(store: Store) -> str:
    """Who is given each new ticket: whoever was named in chat, else in the configuration; "" for nobody."""
    chosen = [person for role, person in granted(store) if role == DEFAULT_OWNER]
    return next(iter(chosen or [person for role, person in configured(store) if role == DEFAULT_OWNER]), "")


def parts(store: Store, person: str, part: str) -> list[int]:
    """The tickets under way in which somebody has this part: "owner", or a role's review."""
    rows = store.query("SELECT ticket FROM part WHERE person = ? AND part = ? ORDER BY ticket", person, part)
    return [row["ticket"] for row in rows]
