"""What a client gets for the parameters of an address that are not those of the model."""

from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import AfterValidator, Field
from secure_flask.auth.access import login_required, public, roles_required, takes_credentials
from secure_flask.web.errors import PLAIN_MESSAGES
from secure_flask.web.queries import Query, validated_query
from secure_flask.web.validation import MISSING, Body, PlainText, Reason, validated

from core.conftest import MakeApp, log_in

REFUSED = "do-not-repeat-me"
PATH = "/_test/orders"


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


def only_even(number: int) -> int:
    if number == 7:
        raise Reason("Must not be seven")
    if number % 2:
        raise ValueError(REFUSED)
    return number


class Search(Query):
    shop: PlainText
    page: Annotated[int, Field(ge=1, le=100)] = 1
    price: float = 0.5
    open: bool = False
    tag: Annotated[list[PlainText], Field(max_length=2)] = Field(default=[])
    number: list[int] | None = None
    day: date | None = None
    owner: UUID | None = None
    size: Size = Size.SMALL
    sort: Literal["name", "price"] = "name"
    limit: int | Literal["all"] = 10
    even: Annotated[int, AfterValidator(only_even)] = 0
    since: Annotated[int, Field(alias="from")] = 0
    corner: tuple[int, int] | None = None


class Lenient(Search, extra="ignore"):
    pass


class Order(Body):
    name: str


def repeat(*, query: Search) -> dict[str, Any]:
    """What differs from the defaults, as JSON."""
    return query.model_dump(mode="json", exclude_defaults=True)


def with_views(app: Flask) -> FlaskClient:
    app.add_url_rule(PATH, "orders", public(validated_query(Search)(repeat)))
    app.add_url_rule("/_test/page", "page", public(validated_query(Lenient)(repeat)))
    credentials = public(takes_credentials(validated_query(Search)(repeat)))
    app.add_url_rule("/_test/credentials", "credentials", credentials)
    return app.test_client()


@pytest.fixture(scope="module")
def client(make_app: MakeApp) -> FlaskClient:
    return with_views(make_app())


# Each query has what the view gets beside the shop.
TAKEN: dict[str, dict[str, Any]] = {
    "": {},
    "page=2": {"page": 2},
    "price=1.5": {"price": 1.5},
    "price=-1e2": {"price": -100.0},
    "open=true": {"open": True},
    "open=false": {},
    "tag=a": {"tag": ["a"]},
    "tag=a&tag=%C3%BC+%26": {"tag": ["a", "ü &"]},
    "tag=1": {"tag": ["1"]},
    "tag=%22%3Cb%3E&tag=%5C%F0%9F%9A%80": {"tag": ['"<b>', "\\\U0001f680"]},
    "number=1&number=2": {"number": [1, 2]},
    "number=1": {"number": [1]},
    "day=2026-01-31": {"day": "2026-01-31"},
    f"owner={UUID(int=1)}": {"owner": str(UUID(int=1))},
    "size=large": {"size": "large"},
    "sort=price": {"sort": "price"},
    "limit=all": {"limit": "all"},
    "limit=20": {"limit": 20},
    "from=3": {"since": 3},
    "corner=1&corner=2": {"corner": [1, 2]},
}


def test_the_view_gets_what_was_sent(client: FlaskClient) -> None:
    got = {query: client.get(f"{PATH}?shop=x&{query}").json for query in TAKEN}
    assert got == {query: {"shop": "x"} | more for query, more in TAKEN.items()}


INTEGER, TEXT = "Input should be a valid integer", "Input should be a valid string"
EXTRA = "Extra inputs are not permitted"
BOOLEAN, FINITE = "Input should be a valid boolean", "Input should be a finite number"

# Each query has the parameters that are wrong, and why. The shop is sent with each.
WRONG: dict[str, dict[str, str]] = {
    "page=0": {"page": "Input should be greater than or equal to 1"},
    "page=101": {"page": "Input should be less than or equal to 100"},
    f"page={'9' * 5000}": {"page": INTEGER},
    f"page={10**30}": {"page": "Input should be less than or equal to 100"},
    # One spelling of a number, as in JSON.
    **{
        f"page={number}": {"page": INTEGER}
        for number in (
            "",
            "01",
            "+1",
            "%2B1",
            "1_0",
            "1.0",
            "1e1",
            "true",
            "null",
            "%D9%A2",
            "%5B1%5D",
        )
    },
    "price=1e999": {"price": FINITE},
    "price=NaN": {"price": "Input should be a valid number"},
    **{f"open={each}": {"open": BOOLEAN} for each in ("1", "True", "on")},
    "day=2026-02-30": {
        "day": "Input should be a valid date in the format YYYY-MM-DD, "
        "day value is outside expected range"
    },
    "sort=id": {"sort": "Input should be 'name' or 'price'"},
    f"even={2 * 10**6 + 1}": {"even": "Not valid"},
    "even=7": {"even": "Must not be seven"},
    # Repeated for a single value.
    "page=1&page=1": {"page": INTEGER},
    "shop=y": {"shop": TEXT},
    "sort=name&sort=name": {"sort": "Input should be 'name' or 'price'"},
    "tag=a&tag=b&tag=c": {"tag": "List should have at most 2 items after validation, not 3"},
    "tag=a%00": {"tag.0": "Contains control characters"},
    "number=1&number=x": {"number.1": INTEGER},
    # The client chose these names, and each may be a secret.
    **{f"{name}=1": {"": EXTRA} for name in (REFUSED, "utm_source", "since", "page[]")},
    f"page=x&price={REFUSED}": {"page": INTEGER, "price": "Input should be a valid number"},
}


def send(client: FlaskClient, query: str, path: str = PATH) -> Any:
    answer = client.get(f"{path}?{query}")
    assert REFUSED not in f"{answer.headers} {answer.text}"
    assert answer.status_code == 400
    return answer.json


@pytest.mark.asvs("2.2.1", "15.3.3")
def test_each_wrong_parameter_is_reported_with_the_reason(
    client: FlaskClient,
    caplog: pytest.LogCaptureFixture,
    subtests: pytest.Subtests,
) -> None:
    assert {query: send(client, f"shop=x&{query}") for query in WRONG} == {
        query: {"error": PLAIN_MESSAGES[400], "fields": fields} for query, fields in WRONG.items()
    }
    for query in ("", "page=2", "shop=", "shop=+"):
        with subtests.test(query=query):
            assert send(client, query) == {"error": MISSING, "fields": {"shop": "Required"}}
    assert REFUSED not in caplog.text


@pytest.mark.asvs("16.5.1")
def test_no_value_is_repeated(client: FlaskClient) -> None:
    for name in (*Search.model_fields, "from", REFUSED):
        send(client, f"page=0&{name}={REFUSED}&{name}={REFUSED}x")


def test_a_query_of_credentials_gets_no_details(client: FlaskClient) -> None:
    sent = send(client, f"shop=x&page={REFUSED}", "/_test/credentials")
    assert sent == {"error": PLAIN_MESSAGES[400]}


def test_a_policy_turns_what_a_model_refuses_into_422(
    make_app: MakeApp,
    client: FlaskClient,
    subtests: pytest.Subtests,
) -> None:
    strict = with_views(make_app(INVALID_STATUS=422))
    queries = ("shop=x&page=0", "page=1", "shop=x&utm_source=news")
    assert [strict.get(f"{PATH}?{query}").status_code for query in queries] == [422] * 3
    # What is no text is 400 in any case.
    for each in (client, strict):
        with subtests.test(each=each):
            answer = each.get(PATH, environ_overrides={"QUERY_STRING": "shop=\xff"})
            assert (answer.status_code, answer.json) == (400, {"error": PLAIN_MESSAGES[400]})


def test_a_page_ignores_unknown_parameters_where_its_model_says_so(client: FlaskClient) -> None:
    address = "/_test/page?shop=x&page=2&utm_source=news&utm_source=mail"
    assert client.get(address).json == {"shop": "x", "page": 2}
    assert send(client, "shop=x&page=0&utm_source=news", "/_test/page")["fields"].keys() == {"page"}


@pytest.mark.parametrize("mark", [login_required, roles_required("boss")])
@pytest.mark.parametrize("outside", [False, True])
def test_the_login_is_asked_before_the_query(make_app: MakeApp, mark: Any, outside: bool) -> None:
    marks = (mark, validated_query(Search)) if outside else (validated_query(Search), mark)
    client = make_app().test_client()
    view = marks[0](marks[1](lambda *, query: repeat(query=query)))
    client.application.add_url_rule(PATH, "orders", view)
    assert client.get(f"{PATH}?page=x").status_code == 401
    status = 400 if mark is login_required else 403
    assert client.get(f"{PATH}?page=x", headers=log_in(client)).status_code == status


def test_a_view_takes_a_body_and_a_query_in_any_order_of_the_marks(
    make_app: MakeApp, subtests: pytest.Subtests
) -> None:
    def view(body: Order, number: int, *, query: Search) -> dict[str, Any]:
        return {"name": body.name, "number": number, "page": query.page}

    app, (outer, inner) = make_app(), (validated_query(Search), validated(Order))
    views: dict[str, Any] = {"outside": outer(inner(view)), "inside": inner(outer(view))}
    for name, each in views.items():
        app.add_url_rule(f"/{name}/<int:number>", name, public(each), methods=["POST"])
    for name in views:
        with subtests.test(name=name):
            answer = app.test_client().post(f"/{name}/3?shop=x&page=2", json={"name": "tea"})
            assert answer.json == {"name": "tea", "number": 3, "page": 2}
