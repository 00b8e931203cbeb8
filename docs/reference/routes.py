"""Each route: who may call it, by which kinds of tokens, and what it takes."""

from typing import Any

from docs.reference import Fact, Facts, create_app, is_of_accounts
from tools.benchmarks.rendered import module

TOKEN_TYPES = ("opaque", "session", "jwt")


def facts() -> Facts:
    found, kinds = Facts(), dict[str, list[str]]()
    for kind in TOKEN_TYPES:
        for name, fact in routes_of(create_app(TOKEN_TYPE=kind)).items():
            found[name] = fact
            kinds.setdefault(name, []).append(f"`{kind}`")
    for name, of_route in kinds.items():
        if len(of_route) < len(TOKEN_TYPES):
            found[name].cells[1] += f"; only {', '.join(of_route)}"
    return found


def routes_of(app: Any) -> Facts:
    table, found = module("secure_flask.auth.route_table"), Facts()
    with app.app_context():
        for row, (*_, options) in zip(
            table.access_rows(app), table.route_operations(app), strict=True
        ):
            name, view = f"{row.method} {row.route}", app.view_functions[row.endpoint]
            who = row.who.replace("logged-in users", "users")
            if "@keys_allowed" in row.mark:
                who += ", or a key"
            cells = [f"`{name}`", who, body(row, options)]
            found[name] = Fact(cells, is_of_accounts(view))
    return found


def body(row: Any, options: Any) -> str:
    """The members of a JSON body, each with `?` where it may be left out, or a form."""
    model = (options.consumes or {}).get("application/json")
    schema = model.model_json_schema() if model else {}
    members, required = schema.get("properties", {}), schema.get("required", [])
    named = ", ".join(f"`{each}`" if each in required else f"`{each}?`" for each in members)
    return " or ".join(filter(None, [named, "form" if "form" in row.bodies else ""]))
