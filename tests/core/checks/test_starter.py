"""What a site still shows of the template is found before visitors see it."""

from secure_flask.checks.starter import DESCRIPTION, MARK

from core.checks.conftest import Find, MakeSite, found_in


def test_the_description_of_the_template_is_found(find: Find) -> None:
    [message] = find("pages.starter", DESCRIPTION=DESCRIPTION)
    assert message.startswith("DESCRIPTION is still that of the template")
    assert find("pages.starter", DESCRIPTION="") == []


def test_the_start_page_of_the_template_is_found(make_site: MakeSite) -> None:
    [message] = found_in(make_site(start_page=lambda: MARK), "pages.starter")
    assert message.startswith("The start page is still that of the template")
