"""The JSON routes. Your own code begins here.

`@validated` checks the JSON body of a write, `@login_required` sets `g.user`, and
`@responds` describes the response in /openapi.json. See docs/how-to/json-routes.md.
"""

from typing import Annotated

from flask import Blueprint, Flask, g
from flask.typing import ResponseReturnValue
from pydantic import Field

from app.auth.access import login_required
from app.security.responses import ResponseBody, responds
from app.security.validation import Body, PlainText, validated

blueprint = Blueprint("api", __name__, url_prefix="/api")


class Greeting(Body):
    to: Annotated[PlainText, Field(max_length=80)]


class Greeted(ResponseBody):
    greeting: str


@blueprint.post("/greetings")
@responds(Greeted)
@login_required
@validated(Greeting)
def greet(greeting: Greeting) -> ResponseReturnValue:
    return {"greeting": f"{g.user.name} greets {greeting.to}"}


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
