"""What is cut: bundles verified, split, signed and stored. Knows files and addresses, never tickets."""
