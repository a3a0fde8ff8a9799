"""The claim ledger, the guides' references and the data catalog, clicked in real Chromium."""

import re

import pytest
from harness import accessibility

from k2course import data

pytestmark = pytest.mark.browser
LEDGER = "chapters/reference/claims.html"
CATALOG = "chapters/reference/data.html"
PAGES = (LEDGER, CATALOG, "chapters/reference/guide-references.html")


@pytest.fixture(params=["http", "folder"])
def address(request, server, html):
    return server if request.param == "http" else html.as_uri()


@pytest.fixture(scope="module")
def claims():
    return data.load("claims")


@pytest.fixture
def ledger(page, address):
    page.goto(f"{address}/{LEDGER}")
    page.wait_for_selector(".k2-ledger form:not([hidden])")
    return page.locator(".k2-ledger")


def shown(ledger) -> list[str]:
    """Return the ids of the claims that a person can see."""
    return ledger.locator("article:visible").evaluate_all("all => all.map(e => e.id)")


def test_filters_narrow_the_list(ledger, claims):
    ledger.get_by_label("Guide").select_option("A")
    ledger.get_by_label("Verdict").select_option("wrong")
    wanted = claims[(claims["guide"] == "A") & (claims["verdict"] == "wrong")]
    assert shown(ledger) == list(wanted["claim_id"])
    count = ledger.get_by_role("status")
    assert count.inner_text() == f"{len(wanted)} of {len(claims)} claims"
    ledger.get_by_role("button", name="Show all").click()
    ledger.page.wait_for_timeout(50)
    assert len(shown(ledger)) == len(claims)
    assert count.inner_text() == f"{len(claims)} of {len(claims)} claims"


@pytest.mark.parametrize("name", ["guide", "topic", "verdict", "kind", "strength"])
def test_every_choice_shows_its_claims(page, server, claims, name):
    page.goto(f"{server}/{LEDGER}")
    ledger = page.locator(".k2-ledger")
    for value, number in claims[name].value_counts().items():
        ledger.locator(f"select[name={name}]").select_option(value)
        assert shown(ledger) == list(claims.loc[claims[name] == value, "claim_id"])
        assert ledger.get_by_role("status").inner_text().startswith(f"{number} of ")
    assert ledger.locator(f"select[name={name}] option").count() == claims[name].nunique() + 1


def test_words_by_keyboard(ledger):
    page = ledger.page
    ledger.get_by_label("Guide").focus()
    for _ in range(5):
        page.keyboard.press("Tab")
    page.keyboard.type("ROTTERDAM  4,807")
    found = shown(ledger)
    assert 1 <= len(found) <= 6
    for key in found:
        assert "4,807" in ledger.locator(f"#{key}").inner_text()
    page.keyboard.type(" zebra")
    assert shown(ledger) == []
    assert "No claim fits" in ledger.get_by_role("status").inner_text()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_timeout(50)
    assert len(shown(ledger)) == 113


def test_the_address_keeps_the_choice(ledger, address):
    page = ledger.page
    ledger.get_by_label("Topic").select_option("bone")
    ledger.get_by_label("Words").fill("mouse mice")
    ledger.get_by_label("Words").fill("mice")
    found, link = shown(ledger), page.url
    assert link.endswith("#topic=bone&words=mice")
    page.goto("about:blank")
    page.goto(link)
    page.wait_for_selector(".k2-ledger form:not([hidden])")
    assert shown(page.locator(".k2-ledger")) == found
    page.goto("about:blank")
    page.goto(f"{address}/{LEDGER}#topic=nonsense&%E0%A4%A")
    assert len(shown(page.locator(".k2-ledger"))) == 113


def test_a_claim_can_be_linked(page, address):
    page.goto(f"{address}/{LEDGER}#C101")
    page.wait_for_timeout(300)
    assert page.locator("#C101 h3").is_visible()
    top = page.locator("#C101").evaluate("e => e.getBoundingClientRect().top")
    assert 0 <= top <= 300


def test_without_scripts_all_claims_stand(chromium, server, claims):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server}/{LEDGER}")
    assert len(shown(page.locator(".k2-ledger"))) == len(claims)
    assert not page.locator(".k2-ledger form").is_visible()
    context.close()


def test_every_claim_links_its_study_and_chapter(page, server, claims):
    page.goto(f"{server}/{LEDGER}")
    links = page.locator(".k2-ledger article").evaluate_all(
        "all => all.map(e => [...e.querySelectorAll('dd a')].map(a => a.getAttribute('href')))"
    )
    for claim, hrefs in zip(claims.itertuples(), links, strict=True):
        if isinstance(claim.study_id, str):
            assert f"../../bibliography.html#{claim.study_id}" in hrefs
            doi = data.study(claim.study_id)["doi"]
            assert not isinstance(doi, str) or f"https://doi.org/{doi}" in hrefs
        chapters = [href for href in hrefs if href.startswith("../../chapters/")]
        assert len(chapters) == isinstance(claim.chapter, str)


def test_a_table_can_be_downloaded(page, address):
    page.goto(f"{address}/{CATALOG}")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download foods.csv").click()
    saved = download.value.path().read_bytes()
    assert saved == (data._folder() / "foods.csv").read_bytes()


def test_the_catalog_shows_every_table_and_column(page, server):
    page.goto(f"{server}/{CATALOG}")
    text = page.locator(".k2-dictionary").evaluate("e => e.textContent")
    for resource in data.package()["resources"]:
        assert page.locator(f"h3#table-{resource['name']}").count() == 1
        for field in resource["schema"]["fields"]:
            assert field["description"] in text
    summary = page.get_by_text(re.compile(r"The \d+ columns of foods"))
    summary.focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("region", name="Columns of foods").is_visible()


@pytest.mark.long  # long pages
@pytest.mark.parametrize("path", PAGES)
def test_accessibility_rules(page, server, path):
    page.goto(f"{server}/{path}")
    page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true })")
    page.wait_for_timeout(800)  # opened code fades in
    assert accessibility(page, "article.bd-article") == []
