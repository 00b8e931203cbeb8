"""The checks of `flask check`, one concern per module; register your own with `@check`."""
