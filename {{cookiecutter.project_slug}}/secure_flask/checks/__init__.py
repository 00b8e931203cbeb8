"""What is in force: `flask check`, whose checks have a module each, `flask policy`, and a start."""
