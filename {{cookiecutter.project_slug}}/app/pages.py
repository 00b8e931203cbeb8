"""The HTML pages, with tasks as the example. Your own code begins here.

Only logged-in users, `current_user`, may open a page unless it is marked `@public`.
`@consumes_form` lets its form post to it. See docs/pages-and-forms.md.
"""

from uuid import UUID

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_sqlalchemy.pagination import Pagination
from flask_wtf import FlaskForm
from secure_flask import (
    consumes_form,
    db,
    error_response,
    latest_csp_violations,
    login_required,
    one_line,
    public,
    responds,
    validated_query,
)
from sqlalchemy import select
from wtforms import BooleanField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from app import tasks
from app.current_user import current_user
from app.models import User
from app.tasks import MAX_NOTES, MAX_TITLE, Task

blueprint = Blueprint("pages", __name__)


class TaskForm(FlaskForm):
    title = StringField("Title", [one_line, DataRequired("Enter a title."), Length(max=MAX_TITLE)])
    notes = TextAreaField("Notes", [Length(max=MAX_NOTES)], render_kw={"rows": 5})
    done = BooleanField("Done")


class DoneForm(FlaskForm):
    """The button of a row in the list."""

    done = BooleanField()


class TaskQuery(tasks.Page, extra="ignore"):
    """Ignores the parameters that a link in a mail adds, such as `utm_source`."""


@blueprint.get("/")
@responds("text/html", 503)
@public
def index() -> str:
    """Show the start page: for visitors, and for users with what is theirs."""
    # Production shows no violations, since they tell visitors about the site's problems.
    production = current_app.config["PRODUCTION"]
    violations = [] if production else latest_csp_violations(5)
    has_users = production or db.session.scalar(select(User.id).limit(1)) is not None
    return render_template("index.html", violations=violations, has_users=has_users)


@blueprint.get("/tasks")
@responds("text/html", 404)
@login_required
@validated_query(TaskQuery)
def list_tasks(*, query: TaskQuery) -> str:
    """Show the page of your tasks."""
    return render_template("task_list.html", tasks=tasks.page_of(current_user, query))


@blueprint.route("/tasks/new", methods=["GET", "POST"])
@responds("text/html", 409)
@login_required
@consumes_form
def new_task() -> ResponseReturnValue:
    """Show the form for a new task, or add the task."""
    tasks.require_room(current_user)
    form = TaskForm()
    if not form.validate_on_submit():
        return _page("New task", form)
    task = Task(owner_id=current_user.id)
    form.populate_obj(task)
    db.session.add(task)
    return _saved(f"Added: {task.title}")


@blueprint.route("/tasks/<uuid:task_id>", methods=["GET", "POST"])
@responds("text/html")
@login_required
@consumes_form
def edit_task(task_id: UUID) -> ResponseReturnValue:
    """Show the form of a task, or change the task."""
    task = _find(task_id)
    form = TaskForm(obj=task)
    if not form.validate_on_submit():
        return _page("Edit task", form, task)
    form.populate_obj(task)
    return _saved(f"Saved: {task.title}")


@blueprint.post("/tasks/<uuid:task_id>/done")
@responds("text/html")
@login_required
@consumes_form
def mark_task(task_id: UUID) -> ResponseReturnValue:
    """Mark a task as done, or as open again."""
    task = _find(task_id)
    DoneForm().populate_obj(task)
    return _saved(f"{'Done' if task.done else 'Open again'}: {task.title}")


@blueprint.post("/tasks/<uuid:task_id>/delete")
@responds("text/html")
@login_required
@consumes_form
def delete_task(task_id: UUID) -> ResponseReturnValue:
    """Delete a task by a form."""
    task = _find(task_id)
    db.session.delete(task)
    return _saved(f"Deleted: {task.title}")


@blueprint.app_template_global()
def open_tasks() -> Pagination:
    """The first open tasks of the user and how many there are, for the start page."""
    return db.paginate(tasks.of(current_user).where(Task.done.is_(False)), page=1, per_page=5)


@blueprint.app_context_processor
def template_variables() -> dict[str, str]:
    """The variables that base.html and index.html use."""
    return {
        "project_name": current_app.config["PROJECT_NAME"],
        "description": current_app.config["DESCRIPTION"],
    }


def _find(task_id: UUID) -> Task:
    task = db.session.scalar(tasks.of(current_user).where(Task.id == task_id))
    if task is None:
        raise error_response(404, "This task does not exist")
    return task


def _page(title: str, form: TaskForm, task: Task | None = None) -> ResponseReturnValue:
    page = render_template("task_form.html", title=title, form=form, task=task)
    return page, 422 if form.errors else 200


def _saved(message: str) -> ResponseReturnValue:
    db.session.commit()
    flash(message, "success")
    # After a redirect, a reload of the page does not send the form again.
    return redirect(url_for("pages.list_tasks"), 303)
