"""The tables of the core: no model of an owner's takes one of their names."""

import pytest
from secure_flask import Model, db
from sqlalchemy.orm import mapped_column


def test_a_model_that_is_named_like_a_table_of_the_core_is_refused_in_a_sentence() -> None:
    columns = {"id": mapped_column(db.Integer, primary_key=True)}
    with pytest.raises(TypeError) as refused:
        type("Entry", (Model,), {"__module__": "app.diary", "__tablename__": "logins", **columns})
    assert str(refused.value) == (
        "The table logins of app.diary.Entry is there already, in secure_flask or in another model: "
        "give yours another name."
    )
