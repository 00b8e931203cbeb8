"""Finds misspelt names of settings and of policy.py, which nothing else would report."""

from collections.abc import Iterable
from logging import ERROR

from flask import Flask
from secure_flask.checks.registry import check
from secure_flask.policy import DEFAULTS, WITHOUT_DEFAULT
from secure_flask.settings import names


@check(
    "settings.misspelt",
    ERROR,
    "Nothing reads the setting {}",
    "Correct the name in .env or the environment, or rename a variable of your own.",
)
def misspelt_settings(app: Flask) -> Iterable[str]:
    slips = type(app.extensions["settings"]).misspelt().items()
    return [f"{name}: is {meant} meant?" for name, meant in slips]


@check(
    "policy.misspelt",
    ERROR,
    "Nothing reads {}",
    "Correct the name in app/policy.py, or rename a constant of your own.",
)
def misspelt_policy(app: Flask) -> Iterable[str]:
    known = {*DEFAULTS, *WITHOUT_DEFAULT, *app.extensions["known_names"]}
    slips = names.misspelt(app.config, known).items()
    return [f"{name}: is {meant} meant?" for name, meant in slips]
