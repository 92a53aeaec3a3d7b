"""Does the subject treat people differently by a protected ground? Questions, substitutions, rates."""
