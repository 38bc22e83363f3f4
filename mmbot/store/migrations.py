"""The schema, as a list of steps that is only ever added to."""

from sqlite_utils import Database, Migrations

migrations = Migrations("mmbot")


@migrations()
def m001_first(db: Database) -> None:
    """Tickets as facts, what is searched of them, people and their roles, the catalogue, the outbox."""
    for statement in (
        """CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID""",
        """CREATE TABLE seen (event TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID""",
        """CREATE INDEX seen_at ON seen (at)""",
        """CREATE TABLE person (
             id TEXT PRIMARY KEY, name TEXT NOT NULL, zone TEXT NOT NULL, is_bot INTEGER NOT NULL
           ) STRICT, WITHOUT ROWID""",
        """CREATE INDEX person_name ON person (name)""",
        """CREATE TABLE role (
             role TEXT NOT NULL, person TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (role, person)
           ) STRICT, WITHOUT ROWID""",
        """CREATE INDEX role_person ON role (person)""",
        """CREATE TABLE ticket (
             number INTEGER PRIMARY KEY, open INTEGER NOT NULL, owner TEXT NOT NULL, submitter TEXT NOT NULL,
             name TEXT NOT NULL, plugin_key TEXT NOT NULL, repository_key TEXT NOT NULL, changed_at INTEGER NOT NULL
           ) STRICT""",
        """CREATE INDEX ticket_plugin ON ticket (plugin_key) WHERE plugin_key <> ''""",
        """CREATE INDEX ticket_repository ON ticket (repository_key)""",
        """CREATE INDEX ticket_name ON ticket (name, open)""",
        """CREATE INDEX ticket_submitter ON ticket (submitter, open, number)""",
        """CREATE INDEX ticket_owner ON ticket (owner, open, number)""",
        """CREATE TABLE turn (
             ticket INTEGER NOT NULL REFERENCES ticket (number), party TEXT NOT NULL, person TEXT NOT NULL,
             why TEXT NOT NULL, since INTEGER NOT NULL, due INTEGER NOT NULL, PRIMARY KEY (ticket, party)
           ) STRICT, WITHOUT ROWID""",
        """CREATE INDEX turn_party ON turn (party, since)""",
        """CREATE INDEX turn_person ON turn (person, since) WHERE person <> ''""",
        """CREATE TABLE fact (
             id INTEGER PRIMARY KEY, ticket INTEGER NOT NULL, kind TEXT NOT NULL, at INTEGER NOT NULL,
             by TEXT NOT NULL, via TEXT NOT NULL, event TEXT NOT NULL, data TEXT NOT NULL
           ) STRICT""",
        """CREATE INDEX fact_ticket ON fact (ticket, id)""",
        """CREATE TABLE listed (
             plugin_key TEXT PRIMARY KEY, plugin_id TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL
           ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE listed_repository (
             repository_key TEXT NOT NULL, plugin_key TEXT NOT NULL, PRIMARY KEY (repository_key, plugin_key)
           ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE outbox (
             id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE,
             kind TEXT NOT NULL CHECK (kind IN ('show', 'say', 'notice', 'do')),
             subject TEXT NOT NULL, channel TEXT NOT NULL, person TEXT NOT NULL, root TEXT NOT NULL, thread TEXT NOT NULL,
             body TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'parked')),
             due_at INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '',
             sent_channel TEXT NOT NULL DEFAULT '', post TEXT NOT NULL DEFAULT '', shown TEXT NOT NULL DEFAULT '',
             created_at INTEGER NOT NULL
           ) STRICT""",
        """CREATE INDEX outbox_due ON outbox (due_at, id) WHERE state = 'pending'""",
        """CREATE UNIQUE INDEX outbox_show ON outbox (subject) WHERE kind = 'show'""",
        """CREATE UNIQUE INDEX outbox_notice ON outbox (subject) WHERE kind = 'notice' AND state = 'pending'""",
        """CREATE INDEX outbox_post ON outbox (post) WHERE post <> ''""",
    ):
        db.execute(statement)


@migrations()
def m002_searched(db: Database) -> None:
    """Indexes for what is nobody's yet, for what was told last, and for a listed plugin's repositories."""
    for statement in (
        """CREATE INDEX turn_party_person ON turn (party, person, since)""",
        """CREATE INDEX outbox_told ON outbox (subject, id) WHERE kind = 'notice' AND state = 'sent'""",
        """CREATE INDEX outbox_given_up ON outbox (subject) WHERE kind = 'notice' AND state = 'parked'""",
        """CREATE INDEX listed_repository_plugin ON listed_repository (plugin_key)""",
    ):
        db.execute(statement)


@migrations()
def m003_seen(db: Database) -> None:
    """An index for all that waits, oldest first; and the words by which tickets are found."""
    for statement in (
        """CREATE INDEX turn_since ON turn (since, ticket)""",
        """CREATE VIRTUAL TABLE search USING fts5 (said, people, tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3')""",
    ):
        db.execute(statement)


@migrations()
def m004_people(db: Database) -> None:
    """What chat decides of people: its facts, the roles it gave, who is away and who stands in; who has which part of which ticket."""
    for statement in (
        """CREATE TABLE book (
             id INTEGER PRIMARY KEY, kind TEXT NOT NULL, at INTEGER NOT NULL, by TEXT NOT NULL, via TEXT NOT NULL,
             event TEXT NOT NULL, data TEXT NOT NULL
           ) STRICT""",
        """CREATE TABLE granted (role TEXT NOT NULL, person TEXT NOT NULL, PRIMARY KEY (role, person)) STRICT, WITHOUT ROWID""",
        """CREATE INDEX granted_person ON granted (person)""",
        """CREATE TABLE absence (
             person TEXT PRIMARY KEY, day TEXT NOT NULL, until INTEGER NOT NULL, deputy TEXT NOT NULL
           ) STRICT, WITHOUT ROWID""",
        """CREATE INDEX absence_deputy ON absence (deputy) WHERE deputy <> ''""",
        """CREATE TABLE part (
             ticket INTEGER NOT NULL REFERENCES ticket (number), part TEXT NOT NULL, person TEXT NOT NULL, PRIMARY KEY (ticket, part)
           ) STRICT, WITHOUT ROWID""",
        """CREATE INDEX part_person ON part (person, part, ticket)""",
    ):
        db.execute(statement)


@migrations()
def m005_tried(db: Database) -> None:
    """Where a post is looked for whose fate is not known; how often a post was asked for; indexes for what waits and what is over."""
    for statement in (
        """ALTER TABLE outbox ADD COLUMN anchor TEXT NOT NULL DEFAULT ''""",
        """ALTER TABLE outbox ADD COLUMN asked INTEGER NOT NULL DEFAULT 0""",
        # What was tried before nobody noted after which post: it is looked for in all of its channel.
        """UPDATE outbox SET anchor = '-' WHERE state <> 'sent' AND kind <> 'do' AND post = '' AND error <> ''""",
        """CREATE INDEX outbox_pending ON outbox (id) WHERE state = 'pending'""",
        """CREATE INDEX outbox_steps ON outbox (due_at, id) WHERE state = 'pending' AND kind = 'do'""",
        """CREATE INDEX outbox_parked ON outbox (id) WHERE state = 'parked'""",
        """CREATE INDEX outbox_done ON outbox (due_at) WHERE state = 'sent' AND kind <> 'show'""",
    ):
        db.execute(statement)


@migrations()
def m006_due(db: Database) -> None:
    """When each subject has to be looked at next; what is urgent waits in front."""
    for statement in (
        """CREATE TABLE due (subject TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID""",
        """CREATE INDEX due_at ON due (at, subject)""",
        # What is urgent comes first: 0 for it, 1 for all else.
        """ALTER TABLE turn ADD COLUMN rank INTEGER NOT NULL DEFAULT 1""",
        """DROP INDEX turn_party""",
        """DROP INDEX turn_person""",
        """DROP INDEX turn_party_person""",
        """DROP INDEX turn_since""",
        """CREATE INDEX turn_party ON turn (party, rank, since, ticket)""",
        """CREATE INDEX turn_person ON turn (person, rank, since, ticket) WHERE person <> ''""",
        """CREATE INDEX turn_party_person ON turn (party, person, rank, since, ticket)""",
        """CREATE INDEX turn_rank ON turn (rank, since, ticket)""",
    ):
        db.execute(statement)


@migrations()
def m007_booked(db: Database) -> None:
    """To whom each ticket's time was booked, when it was opened and finished, how long reviews took, and how long they usually take."""
    for statement in (
        """CREATE TABLE booked (
             ticket INTEGER NOT NULL REFERENCES ticket (number), party TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL,
             why TEXT NOT NULL, PRIMARY KEY (ticket, party, since)
           ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE life (
             ticket INTEGER PRIMARY KEY REFERENCES ticket (number), opened_at INTEGER NOT NULL, finished_at INTEGER NOT NULL,
             how TEXT NOT NULL
           ) STRICT""",
        """CREATE INDEX life_opened ON life (opened_at)""",
        """CREATE INDEX life_how ON life (how, finished_at, opened_at)""",
        """CREATE TABLE pace (
             ticket INTEGER NOT NULL REFERENCES ticket (number), role TEXT NOT NULL, looked INTEGER NOT NULL, took INTEGER NOT NULL,
             decided_at INTEGER NOT NULL, counts INTEGER NOT NULL, PRIMARY KEY (ticket, role)
           ) STRICT, WITHOUT ROWID""",
        """CREATE INDEX pace_role ON pace (role, decided_at, ticket, looked, took) WHERE counts = 1""",
        """CREATE TABLE usual (
             role TEXT PRIMARY KEY, reviews INTEGER NOT NULL, looked INTEGER NOT NULL, looked_most INTEGER NOT NULL,
             took INTEGER NOT NULL, took_most INTEGER NOT NULL
           ) STRICT, WITHOUT ROWID""",
        """CREATE INDEX turn_began ON turn (party, since, ticket)""",
        """CREATE INDEX turn_due ON turn (party, due)""",
    ):
        db.execute(statement)


@migrations()
def m008_cases(db: Database) -> None:
    """Cases as facts, and what is searched of them."""
    for statement in (
        """CREATE TABLE case_fact (
             id INTEGER PRIMARY KEY, handle TEXT NOT NULL, kind TEXT NOT NULL, at INTEGER NOT NULL,
             by TEXT NOT NULL, via TEXT NOT NULL, event TEXT NOT NULL, data TEXT NOT NULL
           ) STRICT""",
        """CREATE INDEX case_fact_handle ON case_fact (handle, id)""",
        """CREATE TABLE case_file (
             handle TEXT PRIMARY KEY, number INTEGER NOT NULL, confidential INTEGER NOT NULL, open INTEGER NOT NULL,
             stage TEXT NOT NULL, ticket INTEGER NOT NULL, plugin_key TEXT NOT NULL, opened_at INTEGER NOT NULL
           ) STRICT, WITHOUT ROWID""",
        """CREATE UNIQUE INDEX case_file_number ON case_file (confidential, number)""",
        """CREATE INDEX case_file_open ON case_file (open, opened_at, handle)""",
        """CREATE INDEX case_file_ticket ON case_file (ticket, handle) WHERE ticket > 0""",
        """CREATE INDEX case_file_plugin ON case_file (plugin_key, handle) WHERE plugin_key <> ''""",
        """CREATE TABLE case_fix (
             handle TEXT NOT NULL, ticket INTEGER NOT NULL, PRIMARY KEY (handle, ticket)
           ) STRICT, WITHOUT ROWID""",
        """CREATE INDEX case_fix_ticket ON case_fix (ticket, handle)""",
    ):
        db.execute(statement)


@migrations()
def m009_reminders(db: Database) -> None:
    """What each person was told of whose turn it is, what they don't want to be told, and what people asked to be reminded of."""
    for statement in (
        """CREATE TABLE news (
             person TEXT NOT NULL, ticket INTEGER NOT NULL, party TEXT NOT NULL, instead_of TEXT NOT NULL, turn TEXT NOT NULL,
             since INTEGER NOT NULL, height INTEGER NOT NULL, told INTEGER NOT NULL, said INTEGER NOT NULL, times INTEGER NOT NULL,
             after INTEGER NOT NULL,
             PRIMARY KEY (person, ticket, party, instead_of)
           ) STRICT, WITHOUT ROWID""",
        """CREATE INDEX news_untold ON news (person, after) WHERE told < height""",
        """CREATE INDEX news_ticket ON news (ticket, party)""",
        """CREATE TABLE morning (person TEXT PRIMARY KEY, at INTEGER NOT NULL, what TEXT NOT NULL) STRICT, WITHOUT ROWID""",
        """CREATE TABLE quiet (
             id INTEGER PRIMARY KEY, person TEXT NOT NULL, ticket INTEGER NOT NULL, kind TEXT NOT NULL, until INTEGER NOT NULL,
             at INTEGER NOT NULL, by TEXT NOT NULL, via TEXT NOT NULL, event TEXT NOT NULL
           ) STRICT""",
        """CREATE INDEX quiet_person ON quiet (person, ticket, id)""",
        """CREATE TABLE reminder (
             id INTEGER PRIMARY KEY, person TEXT NOT NULL, ticket INTEGER NOT NULL, text TEXT NOT NULL, due INTEGER NOT NULL,
             at INTEGER NOT NULL, by TEXT NOT NULL, via TEXT NOT NULL, event TEXT NOT NULL,
             state TEXT NOT NULL CHECK (state IN ('waits', 'told', 'not told', 'dropped')), ended_at INTEGER NOT NULL
           ) STRICT""",
        """CREATE INDEX reminder_by ON reminder (by, due) WHERE state = 'waits'""",
    ):
        db.execute(statement)


@migrations()
def m010_reporters(db: Database) -> None:
    """Who reported a case, so that nobody's reports cost others time."""
    for statement in (
        """ALTER TABLE case_file ADD COLUMN reporter TEXT NOT NULL DEFAULT ''""",
        """UPDATE case_file SET reporter = coalesce(
             (SELECT by FROM case_fact WHERE case_fact.handle = case_file.handle AND kind = 'reported'), '')""",
        """CREATE INDEX case_file_reporter ON case_file (reporter, stage, opened_at, handle) WHERE reporter <> ''""",
        """CREATE INDEX case_file_stage ON case_file (open, stage, opened_at, handle)""",
    ):
        db.execute(statement)


@migrations()
def m011_cuts(db: Database) -> None:
    """Cuts as facts, and what is searched of them; where each ticket's fork is; every version that is listed."""
    for statement in (
        """CREATE TABLE cut_fact (
             id INTEGER PRIMARY KEY, cut INTEGER NOT NULL, kind TEXT NOT NULL, at INTEGER NOT NULL,
             by TEXT NOT NULL, via TEXT NOT NULL, event TEXT NOT NULL, data TEXT NOT NULL
           ) STRICT""",
        """CREATE INDEX cut_fact_cut ON cut_fact (cut, id)""",
        """CREATE TABLE cut (
             number INTEGER PRIMARY KEY, state TEXT NOT NULL, repository_key TEXT NOT NULL, tag TEXT NOT NULL,
             ticket INTEGER NOT NULL, going INTEGER NOT NULL, progress TEXT NOT NULL DEFAULT ''
           ) STRICT""",
        """CREATE INDEX cut_state ON cut (state, number)""",
        """CREATE INDEX cut_place ON cut (repository_key, tag, number)""",
        """CREATE INDEX cut_ticket ON cut (ticket, number) WHERE ticket > 0""",
        """CREATE INDEX cut_going ON cut (going, number)""",
        """ALTER TABLE ticket ADD COLUMN fork_key TEXT NOT NULL DEFAULT ''""",
        """CREATE INDEX ticket_fork ON ticket (fork_key) WHERE fork_key <> ''""",
        """CREATE INDEX outbox_of ON outbox (thread) WHERE kind = 'do' AND thread <> '' AND state <> 'sent'""",
        """ALTER TABLE listed ADD COLUMN versions TEXT NOT NULL DEFAULT '[]'""",
    ):
        db.execute(statement)
