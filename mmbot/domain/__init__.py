"""Pure rules of the process: facts in, decisions out."""
