"""One concern a module, named after it; `create_app` switches each on in order."""
