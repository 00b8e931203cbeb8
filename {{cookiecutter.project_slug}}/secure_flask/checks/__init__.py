"""The checks of `flask check`, one module for each kind of thing that they look at."""
