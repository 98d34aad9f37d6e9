"""The page of all policies, which nobody writes by hand."""

from policies.catalogue import POLICIES
from policies.docs import PAGE, page


def test_the_page_is_in_step_with_the_code() -> None:
    assert PAGE.read_text() == page(), "run python -m policies.docs"


def test_the_page_tells_the_mend_and_the_link_of_each_policy() -> None:
    for policy in POLICIES:
        assert policy.mend in page()
        assert policy.url in page()
