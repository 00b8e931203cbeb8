"""The site of the checks, for the check of keys."""

from core.checks.conftest import make_migrated as make_migrated
from core.checks.conftest import make_site as make_site
