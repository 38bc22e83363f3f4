"""All SQL: the tickets' facts, people, the catalogue, the outbox, and the transaction that handlers see."""
