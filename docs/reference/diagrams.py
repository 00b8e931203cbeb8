"""The diagrams of the pages. Their words and figures are those of the code, so they cannot drift."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from docs.reference import FOLDER
from docs.reference.drawings import Box, Drawing, Row
from tools.benchmarks.rendered import module

# In wiring.py: what is set up, and why, behind it or in the line above.
STEP = re.compile(
    r"^(?: +# (.+)\n)? +(\w+)\.(?:init_app|bind_sessions)\(.*?\)(?:  # (.+))?$", re.MULTILINE
)
HERE = "http://localhost"
ELSEWHERE = "https://elsewhere.example"
TWICE = '{"username": "ada", "username": "bob"}'
# One request for each step that refuses some: the statuses are those of a real app's answers.
REFUSED: dict[str, dict[str, Any]] = {
    "hosts": {"headers": {"Host": "elsewhere.example"}},
    "cookies": {"headers": {"Origin": HERE, "Cookie": "dev-session=1; dev-session=2"}},
    "csrf": {"headers": {"Origin": ELSEWHERE}},
    "rate_limits": {"method": "GET"},
    "access": {"path": "/me", "method": "GET"},
    "strict_json": {"data": TWICE, "content_type": "application/json"},
    "bodies": {"data": b"x" * 200_000, "content_type": "application/json"},
}
LOGIN = {"path": "/login", "method": "POST", "headers": {"Origin": HERE}}


def diagrams(project: Path) -> dict[str, Drawing]:
    return {
        "request": request(),
        "core-and-app": core_and_app(project),
        "logins": logins(),
        "key-rotation": key_rotation(),
        "services": services(project),
        "mails": mails(),
    }


def request() -> Drawing:
    source = inspect.getsource(module("secure_flask.wiring")._protect_requests)
    status = dict(statuses())
    steps = [
        Row(
            [Box(name, (behind or above).strip(".").replace("`", ""), refused=status.get(name, ""))]
        )
        for above, name, behind in STEP.findall(source)
    ]
    outermost = Row([Box("headers", "every response gets its headers here", strong=True)])
    view = Row([Box("the view", "your function in app/", strong=True)])
    return Drawing("What a request passes, and where it is refused", [outermost, *steps, view])


def statuses() -> Iterator[tuple[str, str]]:
    for name, probe in REFUSED.items():
        client = probed_app(rate_limit="1 per hour" if name == "rate_limits" else None)
        given = LOGIN | probe
        client.open(**given)
        yield name, str(client.open(**given).status_code)


def probed_app(**values: object) -> Any:
    """A client of an app in development with empty tables."""
    core, testing = module("secure_flask"), module("secure_flask.testing")
    kind = module("app.settings").Settings
    settings = testing.settings(
        kind, database_url="sqlite:///:memory:", redis_url=None, log_level="ERROR", **values
    )
    app = module("app").create_app(settings)
    with app.app_context():
        core.Model.metadata.create_all(core.db.engine)
    return app.test_client()


def core_and_app(project: Path) -> Drawing:
    files = sorted(file.name for file in (project / "app").glob("[a-z]*.py"))
    folders = sorted(f"{each.name}/" for each in (project / "secure_flask").glob("[a-z]*/"))
    names = len(module("secure_flask").__all__)
    yours = Box(
        "app/",
        f"yours, edit everything: {', '.join(files)}; cruft merges what a release changes",
        strong=True,
    )
    core = Box(
        "secure_flask/",
        f"the core, never edited, the same in every project: {', '.join(folders)}",
    )
    release = Box("a release of the template", "its tag is signed by a key of SIGNERS")
    return Drawing(
        "App, core and update",
        [
            Row([yours], f"imports {names} public names, and sets values in policy.py"),
            Row([core], "update.py verifies it, and replaces the whole folder", up=True),
            Row([release]),
        ],
    )


def logins() -> Drawing:
    held, policy = module("secure_flask.auth.logins"), module("secure_flask.policy").Policy
    access = module("secure_flask.auth.tokens.jwt_token").LIFETIME
    kept = policy.model_fields["KEPT_LIFETIME"].default
    grace = policy.model_fields["REFRESH_GRACE"].default

    def lives(kind: str) -> str:
        idle = held.IDLE_TIMEOUTS[kind]
        unused = f", or {span(idle)} without use" if idle else ""
        return f"{span(held.LIFETIMES[kind])}{unused}"

    types = [
        Box("opaque", "a random token"),
        Box("session", "the cookie of pages"),
        Box("jwt", "a signed token, a refresh token"),
    ]
    sent = [
        Box("each request", "Bearer and the token"),
        Box("each request", "the cookie, and Origin to write"),
        Box(
            "each request",
            f"Bearer and the token, for {span(access)}; then POST /token/refresh gives two new "
            f"ones, within {span(grace)} again the same",
        ),
    ]
    ends = [
        Box("the login ends", f"after {lives(kind)}") for kind in ("opaque", "session", "refresh")
    ]
    at_once = Box(
        "ends at once",
        "POST /logout, a new password, flask user logout, flask user disable, flask logins end",
        strong=True,
    )
    each = [(0, 0), (1, 1), (2, 2)]
    login = Box("POST /login", f"by JSON, with the password; keep: true makes it {span(kept)}")
    return Drawing(
        "The life of a login, by TOKEN_TYPE",
        [
            Row([login], arrows=[(0, 0), (0, 1), (0, 2)]),
            Row(types, arrows=each),
            Row(sent, arrows=each),
            Row(ends, "or at any time", arrows=[]),
            Row([at_once]),
        ],
    )


def span(seconds: int) -> str:
    for unit, length in {"day": 86_400, "hour": 3_600, "minute": 60}.items():
        if seconds % length == 0 and (seconds > length or unit != "day"):
            return f"{seconds // length} {unit}{'s' if seconds > length else ''}"
    return f"{seconds} seconds"


def key_rotation() -> Drawing:
    commands = module("secure_flask.crypto.rotation").crypto_commands.commands
    used = ("generate-key", "rotate", "status")
    named = {name: f"flask crypto {commands[name].name}" for name in used}
    first, other = "first: encrypts and decrypts", "decrypts"
    return Drawing(
        "How a key is changed, for ENCRYPTION_KEYS and BLIND_INDEX_KEYS",
        [
            Row([Box("old key", first)], f"{named['generate-key']}; add it at the end, restart"),
            Row([Box("old key", first), Box("new key", other)], "move it to the front, restart"),
            Row([Box("new key", first, strong=True), Box("old key", other)], named["rotate"]),
            Row(
                [Box("new key", first, strong=True), Box("old key", "nothing is left of it")],
                f"{named['status']} counts nothing under it: remove it, restart",
            ),
            Row([Box("new key", first, strong=True)]),
        ],
    )


def services(project: Path) -> Drawing:
    compose = yaml.safe_load((project / "compose.yaml").read_text("utf-8"))
    of = {name: service_box(name, service) for name, service in compose["services"].items()}
    visitors = Box("visitors", "http and https")
    closed = ", ".join(name for name, net in compose["networks"].items() if net.get("internal"))
    return Drawing(
        "The services of compose.yaml",
        [
            Row([visitors], " and ".join(ports(compose["services"]["proxy"]))),
            Row([of.pop("proxy")], arrows=[(0, 0)]),
            Row([of.pop("app"), of.pop("migrate")], arrows=[(0, 0), (0, 1), (1, 1)]),
            Row([of.pop("redis"), of.pop("database")], arrows=[]),
            *(Row([box], arrows=[]) for box in of.values()),
            Row([Box(closed, "internal networks: from these, no way leads to the internet")]),
        ],
    )


def ports(service: dict[str, Any]) -> list[str]:
    return [f"port {published.partition(':')[0]}" for published in service["ports"]]


def service_box(name: str, service: dict[str, Any]) -> Box:
    image, _, digest = service["image"].partition("@")
    made = image if digest else "this project"
    waits = ", ".join(service.get("depends_on", {}))
    command = " ".join(service.get("command", [])) if name == "migrate" else ""
    parts = [
        f"{made}: {command}" if command else made,
        f"networks: {', '.join(service['networks'])}",
        *([f"waits for: {waits}"] if waits else []),
    ]
    return Box(name, "\n".join(parts), strong=name == "app")


def mails() -> Drawing:
    texts = {file.stem: file.read_text("utf-8") for file in mail_files()}
    linked = [name for name, text in texts.items() if "{{ link }}" in text]
    outbox = module("secure_flask.accounts.outbox").OutgoingMail.__tablename__
    row = Box(outbox, "one row, the same for known and unknown addresses: no link, no text")
    thread = Box("a thread of each process", "looks up the account, makes the link, sends the mail")
    page = Box("the page of the link", "works once, and asks before it changes anything")
    return Drawing(
        "What comes in by mail",
        [
            Row([Box("a request", "asks for a mail, or changes an account")], "commits"),
            Row([row], "within seconds"),
            Row([thread], arrows=[(0, 0), (0, 1)]),
            Row(
                [
                    Box("with a link", subjects(texts[name] for name in linked), strong=True),
                    Box("notices", subjects(texts[name] for name in texts.keys() - {*linked})),
                ],
                arrows=[(0, 0)],
            ),
            Row([page, Box("")]),
        ],
    )


def mail_files() -> list[Path]:
    return sorted((FOLDER / "app" / "templates" / "accounts" / "mail").glob("[a-z]*.txt"))


def subjects(texts: Any) -> str:
    """The subjects of mails, one a line, without the name of the service."""
    lines = (text.partition("\n")[0].removeprefix("Subject: ") for text in texts)
    plain = (re.sub(r" (?:at|for) \{\{ project_name \}\}", "", line) for line in lines)
    return "\n".join(
        f"· {line.replace('{{ change }}', 'Second factors were changed')}" for line in sorted(plain)
    )
