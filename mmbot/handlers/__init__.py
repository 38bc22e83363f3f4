"""What happens on each command and happening: one file for each capability."""
