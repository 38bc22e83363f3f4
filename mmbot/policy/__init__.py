"""What the Marketplace demands, as data: the types of policy.toml and its loader."""

from mmbot.policy.reading import load
from mmbot.policy.tables import Hours, Item, Policy, PolicyError, Requirements, Severity, Step, Track

__all__ = ["Hours", "Item", "Policy", "PolicyError", "Requirements", "Severity", "Step", "Track", "load"]
