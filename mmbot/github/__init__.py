"""The GitHub and git edge: issue texts, references, commits, manifests."""
