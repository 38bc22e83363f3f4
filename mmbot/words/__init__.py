"""Everything the bot says: every sentence, the ticket card, the checklists, as values."""
