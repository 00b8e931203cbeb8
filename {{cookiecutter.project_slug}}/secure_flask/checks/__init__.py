"""`flask check`, with a module for each group of checks, `flask policy`, and the check at start."""
