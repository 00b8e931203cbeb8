"""`_forms.html` with a field of each common kind, all of them in error."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
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


@pytest.fixture
def form(app: Flask, serve: Serve, page: Page) -> Page:
    """The page after an empty form was sent."""

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
    expect(page.get_by_text("Say something.").first).to_be_visible()
    return page


def test_each_error_belongs_to_its_field(form: Page) -> None:
    for label in FIELDS:
        field = form.get_by_label(re.compile(f"^{label}( |$)"))
        expect(field).to_have_accessible_description("Error: Say something.")
        expect(field).to_have_attribute("aria-invalid", "true")
    name = form.get_by_label("Name")
    expect(name).to_have_accessible_description("As in your passport. Error: Say something.")


def test_what_is_optional_says_so_and_what_is_required_is_an_attribute(form: Page) -> None:
    name, extras = form.get_by_label("Name"), form.get_by_role("group", name="Extras")
    expect(name).to_have_accessible_name("Name")
    expect(name).to_have_attribute("required", "")
    expect(form.locator("label[for=remark]")).to_have_text("Remark (optional)")
    expect(form.locator("label[for=country]")).to_have_text("Country")
    expect(extras.get_by_text("Meal")).to_have_text("Meal")


@pytest.mark.parametrize("colours", ["none", "active"])
def test_an_error_says_that_it_is_one_where_no_colour_shows_it(form: Page, colours: str) -> None:
    form.emulate_media(forced_colors="active" if colours == "active" else "none")
    error = form.get_by_text("Say something.").first
    shown = error.evaluate("error => getComputedStyle(error, '::before').position")
    assert shown == ("static" if colours == "active" else "absolute")


def test_a_group_of_choices_has_a_name_and_an_error(form: Page) -> None:
    plan = form.get_by_role("radiogroup", name="Plan")
    extras = form.get_by_role("group", name="Extras")
    for group in (plan, extras):
        expect(group).to_have_accessible_description("Error: Say something.")
    expect(form.get_by_role("radio", name="Small")).to_be_visible()
    expect(form.get_by_role("checkbox", name="Meal")).to_be_visible()


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


def test_the_first_field_in_error_has_the_focus_and_no_other_asks_for_it(form: Page) -> None:
    expect(form.get_by_label("Name")).to_be_focused()
    expect(form.locator("[autofocus]")).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_it_fits_a_phone(form: Page, scheme: str) -> None:
    form.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    found = Axe().run(form)
    assert found.violations_count == 0, found.generate_report()
    form.set_viewport_size({"width": 320, "height": 640})
    assert form.evaluate("document.documentElement.scrollWidth") == 320
