"""Review and models in a real browser: a case read by clicks, a reload in the middle, no request to elsewhere."""

from __future__ import annotations

from tests.app.reviewing import make_review
from tests.app.serving import IN_BROWSER, SCREENSHOTS, Server
from workbench.review.reading import verdicts

pytestmark = IN_BROWSER


def settle(page) -> None:
    page.wait_for_selector("h1", timeout=30_000)
    page.wait_for_selector("text=not for diagnosis", timeout=30_000)


def test_a_case_is_read_blind_reloaded_and_judged(server: Server, browser, furnished) -> None:
    queue = make_review(furnished, 3)
    page = browser.new_page()
    SCREENSHOTS.mkdir(exist_ok=True)
    page.goto(f"{server.url}/review?queue=batch&view=Read")
    settle(page)
    page.locator("button", has_text="clear").first.wait_for(timeout=30_000)
    assert page.get_by_text("The model said").count() == 0
    page.wait_for_timeout(1500)
    page.screenshot(path=SCREENSHOTS / "review-first.png", full_page=True)
    page.locator("button", has_text="clear").first.click()
    page.get_by_text("The model said").wait_for(timeout=30_000)
    page.reload()
    page.get_by_text("The model said").wait_for(timeout=30_000)
    page.wait_for_timeout(1500)
    page.screenshot(path=SCREENSHOTS / "review-second.png", full_page=True)
    page.get_by_role("button", name="Change to: lesion").click()
    page.get_by_text("Case 2 of 3").wait_for(timeout=30_000)
    assert [(r.content["first"], r.content["final"]) for r in verdicts(furnished, queue)] == [("clear", "lesion")]


def test_the_pages_of_models_by_address_without_asking_elsewhere(server: Server, browser, furnished) -> None:
    make_review(furnished, 3)
    page = browser.new_page()
    elsewhere: list[str] = []
    here = (server.url, server.url.replace("http", "ws"), "data:", "blob:")
    page.on("request", lambda request: None if request.url.startswith(here) else elsewhere.append(request.url))
    for number, (view, words) in enumerate(
        {"What+is+there": "things are missing", "Card": "What only you can say", "Release": "In the registry"}.items()
    ):
        page.goto(f"{server.url}/models?view={view}")
        settle(page)
        page.get_by_text(words).first.wait_for(timeout=30_000)
        assert page.get_by_text("could not be shown").count() == 0
        page.wait_for_timeout(500)
        page.screenshot(path=SCREENSHOTS / f"models-{number}.png", full_page=True)
    page.goto(f"{server.url}/review?queue=batch&view=Figures+and+signature")
    settle(page)
    page.get_by_text("must be read before anybody can sign").wait_for(timeout=30_000)
    page.screenshot(path=SCREENSHOTS / "review-figures.png", full_page=True)
    assert elsewhere == []
