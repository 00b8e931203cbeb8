"""A project rendered from this template, for the benchmarks that look inside one."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

TEMPLATE = Path(__file__).resolve().parents[2]

CORS_ORIGINS = ["https://app.example.com", "https://admin.example.com"]


def temporary_folder() -> TemporaryDirectory[str]:
    # An open database cannot be deleted on Windows.
    return TemporaryDirectory(prefix="benchmark-", ignore_cleanup_errors=True)


def render(template: Path, folder: Path, slug: str, **answers: str) -> None:
    """Run `cookiecutter --no-input` as a user does, in a process of its own."""
    command = [
        *(sys.executable, "-m", "cookiecutter", str(template), "--no-input"),
        *("--config-file", str(_settings(folder)), "--output-dir", str(folder)),
        *(f"{name}={answer}" for name, answer in {"project_slug": slug, **answers}.items()),
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=_environment(folder))


@contextmanager
def project() -> Iterator[None]:
    """Make the modules of a project with default answers and two CORS origins importable."""
    with temporary_folder() as folder:
        render(TEMPLATE, Path(folder), "measured", cors_origins=" ".join(CORS_ORIGINS))
        sys.path.insert(0, str(Path(folder, "measured")))
        try:
            yield
        finally:
            sys.path.pop(0)


def module(name: str) -> ModuleType:
    """Import a module of the project; types cannot be known before it is rendered."""
    return importlib.import_module(name)


def settings(host: str, **more: str) -> Any:
    """Production's settings, with a fresh secret and without any `.env`."""
    fresh = module("secure_flask.settings.__main__").fresh_secrets()
    return module("app.settings").Settings(
        _env_file=None,
        app_env="production",
        **{name.lower(): secret for name, secret in fresh.items()},
        trusted_hosts=host,
        **more,
    )


def _settings(folder: Path) -> Path:
    # Else these answers would be kept as the user's last ones.
    path = folder / "settings.json"
    path.write_text(json.dumps({"replay_dir": str(folder / "replays")}), encoding="utf-8")
    return path


def _environment(folder: Path) -> dict[str, str]:
    # Compiled modules are kept as on a user's machine, but not in this template.
    environment = os.environ | {"PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment
