"""What scripts and other programs call. Your own code begins here.

A write takes JSON of a declared shape (`@validated`), `@login_required` sets `g.user`,
and `@answers` tells /openapi.json what comes back; see README.md, "Everyday use".
"""

from typing import Annotated

from flask import Blueprint, Flask, g
from flask.typing import ResponseReturnValue
from pydantic import Field

from app.auth.login_required import login_required
from app.security.answers import Answer, answers
from app.security.validation import Body, PlainText, validated

blueprint = Blueprint("api", __name__, url_prefix="/api")


class Greeting(Body):
    to: Annotated[PlainText, Field(max_length=80)]


class Greeted(Answer):
    greeting: str


@blueprint.post("/greetings")
@answers(Greeted)
@login_required
@validated(Greeting)
def greet(greeting: Greeting) -> ResponseReturnValue:
    return {"greeting": f"{g.user.name} greets {greeting.to}"}


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
