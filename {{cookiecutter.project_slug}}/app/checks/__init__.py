"""What `flask check` looks at: one concern a module, and `@check` for your own."""
