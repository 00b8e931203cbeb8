"""Prints, as JSON, the words of each page and mail that no translation has between « and »."""

import json
import re
import sys
from html import unescape

from flask import Flask
from flask.testing import FlaskClient
from secure_flask import create_user, db, testing
from secure_flask.accounts import development_mails, text_of_mail

from app import create_app
from app.models import User
from app.settings import Settings

NAME, PASSWORD = "ada", "a good long password"
GERMAN = {"Accept": "text/html", "Accept-Language": "de"}
OWN_PAGE = {**GERMAN, "Origin": "http://localhost"}
INLINE = re.compile(r"</?(?:a|abbr|b|bdi|code|em|kbd|span|strong)\b[^>]*>")
DATA = re.compile(r"<!--.*?-->|<(script|style|svg|pre|code|time|bdi)\b.*?</\1>", re.DOTALL)
SPOKEN = re.compile(r'(?:aria-label|alt|data-label|placeholder)="([^"]*)"')
WRAPPED = re.compile("«[^«»]*»")


def unwrapped(text: str) -> list[str]:
    """Return what is left of a text without all that a translation has wrapped."""
    while (without := WRAPPED.sub(" ", text)) != text:
        text = without
    return re.findall(r"[A-Za-z]{2}[^<>\n]*", text)


def of_page(html: str) -> list[str]:
    spoken = "\n".join(SPOKEN.findall(html))
    shown = re.sub(r"<[^>]*>", "\n", INLINE.sub("", DATA.sub("", html)))
    return unwrapped(unescape(f"{spoken}\n{shown}"))


def make_app() -> Flask:
    app = create_app(testing.settings(Settings), TESTING=True)
    testing.create_tables(app)
    with app.app_context():
        create_user(NAME, PASSWORD, email="ada@example.org", language="de")
    return app


def mails(app: Flask, visitor: FlaskClient) -> dict[str, list[str]]:
    visitor.post("/reset", data={"email": "ada@example.org"}, headers=OWN_PAGE)
    with app.app_context():
        db.session.query(User).update({"language": "de"})
        db.session.commit()
        return {
            f"mail: {mail['Subject']}": unwrapped(
                re.sub(r"https?://\S+", "", f"{mail['Subject']}\n{text_of_mail(mail)}")
            )
            for mail in development_mails()
        }


if __name__ == "__main__":
    app = make_app()
    visitor, user = app.test_client(), app.test_client()
    # What a login is called is stored, in the language of that moment.
    user.environ_base["HTTP_ACCEPT_LANGUAGE"] = "de"
    testing.log_in_by_form(user, NAME, PASSWORD)
    left = {}
    for client, paths in ((visitor, json.loads(sys.argv[1])), (user, json.loads(sys.argv[2]))):
        for path in paths:
            answer = client.get(path, headers=GERMAN)
            left[f"{path} {answer.status_code}"] = of_page(answer.text)
    refused = visitor.post("/login", data={"username": ""}, headers=OWN_PAGE)
    left["/login, refused"] = of_page(refused.text)
    left |= mails(app, visitor)
    account = user.get("/account", headers=GERMAN)
    print(json.dumps({"left": left, "html": account.text}))
