"""Random requests of every kind at every door of one bot: `make fuzz`."""
