"""A year of the Marketplace, played against the clock."""
