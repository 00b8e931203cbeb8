"""A project rendered from this template, for the benchmarks that look inside one."""

import importlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

TEMPLATE = Path(__file__).resolve().parent.parent
# A benchmark leaves no answers behind to be offered the next time.
REPLAYS = "replays"

CORS_ORIGINS = ["https://app.example.com", "https://admin.example.com"]


def temporary_folder() -> TemporaryDirectory[str]:
    # An open database cannot be deleted on Windows.
    return TemporaryDirectory(prefix="benchmark-", ignore_cleanup_errors=True)


def render(template: Path, folder: Path, **answers: str) -> None:
    """Run `cookiecutter --no-input` as a user does, in a process of its own."""
    settings = folder / "settings.json"
    settings.write_text(json.dumps({"replay_dir": str(folder / REPLAYS)}), encoding="utf-8")
    command = [
        *(sys.executable, "-m", "cookiecutter", str(template), "--no-input"),
        *("--config-file", str(settings), "--output-dir", str(folder)),
        *(f"{name}={answer}" for name, answer in answers.items()),
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=_environment())


@contextmanager
def project() -> Iterator[None]:
    """Make the modules of a project with default answers and two CORS origins importable."""
    with temporary_folder() as folder:
        render(TEMPLATE, Path(folder), project_slug="measured", cors_origins=" ".join(CORS_ORIGINS))
        sys.path.insert(0, str(Path(folder, "measured")))
        try:
            yield
        finally:
            sys.path.pop(0)


def module(name: str) -> ModuleType:
    """Import a module of the project; types cannot be known before it is rendered."""
    return importlib.import_module(name)


def settings(host: str) -> Any:
    """Production's settings; nothing of them is read from this machine."""
    settings_class: Any = module("app.settings").Settings
    return settings_class(
        _env_file=None,
        app_env="production",
        secret_key=secrets.token_urlsafe(48),
        trusted_hosts=host,
    )


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
