"""Each setting of the environment and each value of the policy: the default, and what is valid."""

import os
import re
from typing import Any
from unittest.mock import patch

from pydantic import ByteSize, SecretStr, ValidationError

from docs.reference import FOLDER, Fact, Facts
from tools.benchmarks.rendered import module

HOUR, DAY = 60 * 60, 24 * 60 * 60  # seconds
LONGEST = 30  # characters of a word, which does not break; the page shows longer addresses
NAMED = re.compile(r"^(?:# )?([A-Z_]+)=", re.MULTILINE)


def facts() -> Facts:
    found = of_other_programs() | of_settings(module("app.settings").Settings)
    if unread := {*NAMED.findall((FOLDER / ".env.example").read_text("utf-8"))} - found.keys():
        raise SystemExit(f".env.example names what nothing reads: {', '.join(sorted(unread))}")
    return found


def of_settings(kind: Any) -> Facts:
    plain, found = module("secure_flask").Settings.model_fields, Facts()
    needed = refusals(kind, app_env="development")
    needed_in_production = refusals(kind, app_env="production")
    invalid = refusals(kind, **dict.fromkeys(kind.model_fields, "?") | {"app_env": "development"})
    for name, schema in kind.model_json_schema()["properties"].items():
        default = shown(kind.model_fields[name].default)
        # As the environment writes it.
        default = default.lower() if schema.get("type") == "boolean" else default
        if name in needed_in_production:
            default = "required" if name in needed else "required in production"
        cells = [f"`{name.upper()}`", default, valid(schema, invalid.get(name, ""))]
        found[name.upper()] = Fact(cells, name not in plain)
    return found


def of_other_programs() -> Facts:
    gunicorn = (FOLDER / "gunicorn.conf.py").read_text("utf-8")
    compose = (FOLDER / "compose.yaml").read_text("utf-8")
    defaults = dict.fromkeys(re.findall(r"\$\{(\w+):\?", compose), "required")
    for name, default in re.findall(r"environ\.get\('(\w+)'\) or '(.+?)'", gunicorn):
        defaults[name] = f"`{default}`"
    return {name: Fact([f"`{name}`", default, ""], False) for name, default in defaults.items()}


def refusals(kind: Any, **values: str) -> dict[str, str]:
    """What the service says where only these values are set, by the name of the setting."""
    with patch.dict(os.environ, clear=True):
        try:
            kind(_env_file=None, **values)
        except ValidationError as error:
            return {str(each["loc"][0]): each["msg"] for each in error.errors()}
    return {}


def valid(schema: dict[str, Any], refusal: str) -> str:
    """The valid values by the type of a setting, or by what it says of an invalid one."""
    match schema:
        case {"enum": values}:
            return shown(values)
        case {"type": "boolean"}:
            return "`true`, `false`"
        case {"minimum": least}:
            return f"{least} to {schema['maximum']}" if "maximum" in schema else f"{least} or more"
        case {"maxLength": most}:
            return f"at most {most} characters"
    said = re.match(r"Value error, must (?:be |contain |read )?([^;]+)", refusal)
    if said is None or max(map(len, said[1].split())) > LONGEST:
        return ""
    # In Markdown, <me@example.org> is a link.
    return said[1].replace("<", r"\<")


def policy() -> Facts:
    core, logins = module("secure_flask.policy"), module("secure_flask.auth.logins")
    by_kind = {"LOGIN_LIFETIME": logins.LIFETIMES, "LOGIN_IDLE": logins.IDLE_TIMEOUTS}
    fields = module("secure_flask.accounts.settings").AccountPolicy.model_fields
    optional = {name: field.default for name, field in fields.items() if not field.is_required()}
    defaults = {**optional, **by_kind}
    text = (FOLDER / "app" / "policy.py").read_text("utf-8")
    # Each name, and what stands between it and the next one.
    parts = re.split(r"^([A-Z_]+)(?:: .+)? = ", text, flags=re.MULTILINE)[1:]
    pairs = zip(parts[::2], parts[1::2], strict=True)
    chosen = {name for name, part in pairs if "cookiecutter" in part}
    found = Facts()
    for name in [*defaults, *(chosen - defaults.keys())]:
        default = shown(defaults.get(name))
        if name in chosen:
            default = "your answer" if default == "none" else f"your answer, else {default}"
        of_accounts = name in defaults and name not in core.Policy.model_fields
        found[name] = Fact([f"`{name}`", default], of_accounts)
    return found


def shown(value: Any) -> str:
    match value:
        case SecretStr():
            return shown(value.get_secret_value())
        case ByteSize():
            return f"`{value.human_readable().replace('.0', '')}`"
        case bool():
            return f"`{value}`"
        case dict() if value:
            return "<br>".join(f"{name}: {shown(each)}" for name, each in value.items())
        case list() if value:
            return ", ".join(f"`{each}`" for each in value)
        case int() if value:
            return f"`{value}`{unit(value)}"
    return f"`{getattr(value, 'name', value)}`" if value or value == 0 else "none"


def unit(value: int) -> str:
    if value % HOUR == 0:
        days, hours = value // DAY, value // HOUR
        return f" ({days} days)" if days > 1 else f" ({hours} hour{'s' * (hours > 1)})"
    return f" ({value // 1024} KiB)" if value % 1024 == 0 else ""
