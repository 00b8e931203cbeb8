"""A name that nothing reads is named, with the one that is meant."""

import os
from pathlib import Path

import pytest

from app import policy
from app.settings import Settings
from tests.checks.conftest import Find, MakeSite, found_in


@pytest.fixture(autouse=True)
def _environment_without_variables_of_yours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"PATH": os.environ["PATH"], "FLASK_APP": "wsgi"})


def test_a_misspelt_setting_is_reported(
    find: Find, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find("settings.misspelt") == []
    (tmp_path / ".env").write_text("LOGIN_RATE_LIMT=3 per minute\nMY_LIMIT=3\n")
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    monkeypatch.setenv("PROXY_HOP", "1")
    assert find("settings.misspelt") == [
        "Nothing reads LOGIN_RATE_LIMT, which is close to the setting LOGIN_RATE_LIMIT.",
        "Nothing reads PROXY_HOP, which is close to the setting PROXY_HOPS.",
    ]


def test_a_misspelt_name_in_the_policy_is_reported(
    find: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    yours = find("policy.misspelt")
    for name in ("FRAME_ANCESTOR", "PARTNERS", "frame_ancestor"):
        monkeypatch.setattr(policy, name, [], raising=False)
    assert set(find("policy.misspelt")) - {*yours} == {
        "Nothing reads FRAME_ANCESTOR, which is close to FRAME_ANCESTORS."
    }


def test_a_name_that_code_or_a_page_reads_is_right(
    make_site: MakeSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slips, own = {"CSP_SOURCE", "CORS_ORIGIN"}, {"PARTNER", "PARTNERS"}
    for name in slips | own:
        monkeypatch.setattr(policy, name, "https://a.example", raising=False)
    monkeypatch.setenv("PROXY_HOP", "1")
    monkeypatch.setenv("LOG_LEVELS", "1")
    site = make_site()
    (tmp_path / "app" / "templates").mkdir(parents=True)
    right = site.config.keys() - slips - own
    (tmp_path / "app" / "reads.py").write_text(f"{right} {right}")
    (tmp_path / "app" / "policy.py").write_text(f"{slips | own}")
    monkeypatch.setattr(site, "root_path", str(tmp_path / "app"))
    found = [*found_in(site, "settings.misspelt"), *found_in(site, "policy.misspelt")]
    assert [words.split()[2] for words in found] == [
        "LOG_LEVELS,",
        "PROXY_HOP,",
        "CORS_ORIGIN,",
        "CSP_SOURCE,",
    ]
    (tmp_path / "app" / "policy.py").write_text(
        "CORS_ORIGIN = 'https://a.example'\nCORS_ORIGINS = [CORS_ORIGIN]\nCSP_SOURCE = ''"
    )
    (tmp_path / "app" / "hops.py").write_text("os.environ['PROXY_HOP']")
    (tmp_path / "app" / "templates" / "own.html").write_text("config.CSP_SOURCE")
    (tmp_path / "gunicorn.conf.py").write_text("os.environ['LOG_LEVELS']")
    assert found_in(site, "settings.misspelt") == found_in(site, "policy.misspelt") == []
