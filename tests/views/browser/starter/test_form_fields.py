"""`_forms.html` with a field of each common kind, all of them in error."""

import re

import pytest
from flask import Flask, get_template_attribute, render_template
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from playwright.sync_api import Page, expect
from secure_flask import public
from secure_flask.web.forms import consumes_form
from wtforms import (
    BooleanField,
    DateField,
    FieldList,
    Form,
    FormField,
    IntegerField,
    PasswordField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    SubmitField,
    TextAreaField,
)
from wtforms.validators import InputRequired
from wtforms.widgets import CheckboxInput, ListWidget

from views.browser.conftest import Serve
from views.browser.starter.test_accessibility import assert_for_everybody

WRONG = [InputRequired("Say something.")]


class Address(Form):  # type: ignore[misc]
    street = StringField("Street", WRONG)


class Booking(FlaskForm):  # type: ignore[misc]
    name = StringField("Name", WRONG, description="As in your passport.")
    secret = PasswordField("Secret", WRONG)
    seats = IntegerField("Seats", WRONG)
    day = DateField("Day", WRONG)
    notes = TextAreaField("Notes", WRONG)
    remark = StringField("Remark")
    country = SelectField("Country", WRONG, choices=["", "France"])
    languages = SelectMultipleField("Languages", WRONG, choices=["English", "French"])
    ticket = FileField("Ticket", [FileRequired("Say something.")])
    terms = BooleanField("I agree", WRONG)
    plan = RadioField("Plan", WRONG, choices=["Small", "Large"], validate_choice=False)
    extras = SelectMultipleField(
        "Extras",
        WRONG,
        choices=["Meal", "Bed"],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    address = FormField(Address, "Address")
    phones = FieldList(StringField("Phone", WRONG), "Phones", min_entries=1)
    book = SubmitField("Book")


# By label, which each of them must have; "Name" has a hint too.
FIELDS = ["I agree", "Secret", "Seats", "Day", "Notes", "Country", "Languages", "Ticket"]
FIELDS += ["Street", "Phone"]


def test_each_field_has_its_name_and_its_error_and_the_first_in_error_the_focus(
    app: Flask,
    serve: Serve,
    page: Page,
    subtests: pytest.Subtests,
) -> None:
    @app.route("/booking", methods=["GET", "POST"])
    @public
    @consumes_form
    def booking() -> str:
        form = Booking()
        form.validate_on_submit()
        shown = get_template_attribute("_forms.html", "show_form")(form)
        return render_template("base.html").replace("</main>", f"{shown}</main>")

    page.goto(serve(app).at("localhost") + "/booking")
    page.get_by_role("button", name="Book").click()
    for label in FIELDS:
        field = page.get_by_label(re.compile(f"^{label}( |$)"))
        expect(field).to_have_accessible_description("Error: Say something.")
        expect(field).to_have_attribute("aria-invalid", "true")
    name, extras = page.get_by_label("Name"), page.get_by_role("group", name="Extras")
    expect(name).to_have_accessible_description("As in your passport. Error: Say something.")
    expect(name).to_have_accessible_name("Name")
    expect(name).to_have_attribute("required", "")
    expect(name).to_be_focused()
    expect(page.locator("[autofocus]")).to_have_count(1)
    expect(page.locator("label[for=remark]")).to_have_text("Remark (optional)")
    expect(page.locator("label[for=country]")).to_have_text("Country")
    expect(extras.get_by_text("Meal")).to_have_text("Meal")
    for group in (page.get_by_role("radiogroup", name="Plan"), extras):
        expect(group).to_have_accessible_description("Error: Say something.")
    expect(page.get_by_role("radio", name="Small")).to_be_visible()
    expect(page.get_by_role("checkbox", name="Meal")).to_be_visible()
    assert_for_everybody(page)
    # Where no colour shows that an error is one, it says so.
    error = page.get_by_text("Say something.").first
    for colours in ("none", "active"):
        with subtests.test(colours=colours):
            page.emulate_media(forced_colors="active" if colours == "active" else "none")
            shown = error.evaluate("error => getComputedStyle(error, '::before').position")
            assert shown == ("static" if colours == "active" else "absolute")


def test_the_table_of_classes_reaches_every_field_beside_what_a_form_names(app: Flask) -> None:
    assert app.jinja_loader
    source = app.jinja_loader.get_source(app.jinja_env, "_forms.html")[0]
    source = re.sub(r'"(\w+)": (?:none|"quiet")', r'"\1": "of-\1"', source)
    with app.test_request_context():
        form = Booking()
        form.notes.render_kw = {"class": "wide"}
        shown = app.jinja_env.from_string(source).module.show_form(form)  # type: ignore[attr-defined]
    assert not re.findall(r"<(?:input|select|textarea|button)(?![^>]*of-)[^>]*>", shown)
    assert '<textarea class="wide of-input"' in shown
    assert '<select class="of-select"' in shown
    assert '<label for="name" class="of-label"' in shown
    assert shown.count('class="of-button"') == 1
    assert shown.count('class="of-check"') == 5
