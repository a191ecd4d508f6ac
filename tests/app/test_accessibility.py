"""Every page in every state: axe-core finds nothing serious, and at 200 % nothing is cut off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.picturing import SIZE, chromium, show
from tests.app.serving import IN_BROWSER, Server
from tests.app.states import EMPTY, FURNISHED, furnish
from workbench.runs.workspace import Workspace

axe = pytest.importorskip("axe_playwright_python.base", reason="axe-core is not installed (axe-playwright-python)")
pytestmark = IN_BROWSER

GRAVE = ("serious", "critical")
# What Streamlit's own frame brings along and no page can change: its list of pages holds a <div> inside the <ul>.
STREAMLIT_OWN = {"list": "[data-testid=stSidebarNav]", "listitem": "[data-testid=stSidebarNav]"}
TWICE = {"width": SIZE["width"] // 2, "height": SIZE["height"] // 2}
RUN_AXE = """
async (own) => {
  const found = await axe.run(document, {resultTypes: ['violations']});
  const rows = [];
  for (const rule of found.violations)
    for (const node of rule.nodes)
      if (!(own[rule.id] && document.querySelector(node.target[0])?.closest(own[rule.id])))
        rows.push({rule: rule.id, impact: rule.impact, html: node.html.slice(0, 200), why: node.failureSummary});
  return rows;
}
"""
CUT_OFF = """
() => {
  const main = document.querySelector('[data-testid=stMain]'), wide = document.documentElement.clientWidth, rows = [];
  if (main.scrollWidth > main.clientWidth + 1) rows.push(`the page is ${main.scrollWidth} wide`);
  const scrolls = (e) => {
    for (let up = e; up && up !== main; up = up.parentElement)
      if (['auto', 'scroll'].includes(getComputedStyle(up).overflowX)) return true;
    return false;
  };
  const words = 'button, a, p, h1, h2, h3, h4, h5, h6, label, li, td, th, summary, code';
  for (const e of main.querySelectorAll(words)) {
    const box = e.getBoundingClientRect(), style = getComputedStyle(e);
    if (box.width < 3 || box.height < 3 || style.visibility === 'hidden' || scrolls(e)) continue;
    if (e.closest('[data-baseweb=select], [data-testid=stElementToolbar]')) continue;
    const hides = style.overflowX === 'hidden' && e.scrollWidth > e.clientWidth + 2;
    if (hides || box.right > wide + 1 || box.left < -1) rows.push(`${e.tagName} ${e.innerText.slice(0, 60)}`);
  }
  return rows;
}
"""


class Found:
    """What was found on each state."""

    def __init__(self) -> None:
        self.grave: list[str] = []
        self.cut: list[str] = []
        self.visited = 0


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    """Every state, visited once."""
    seen = Found()
    script = Path(axe.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        key = tmp_path_factory.mktemp("key") / "site.key"
        key.write_bytes(bytes(range(32)))
        key.chmod(0o600)
        patch.setenv("WORKBENCH_SITE_KEY_FILE", str(key))
        for states in (EMPTY, FURNISHED):
            workspace = Workspace(tmp_path_factory.mktemp("pages") / "workspace")
            workspace.root.mkdir()
            if states is FURNISHED:
                furnish(workspace)
            server = Server(workspace)
            try:
                with chromium() as context:
                    page = context.new_page()
                    for state in states:
                        show(page, server, state)
                        page.evaluate(script)
                        for row in page.evaluate(RUN_AXE, STREAMLIT_OWN):
                            if row["impact"] in GRAVE:
                                seen.grave.append(f"{state.name}: {row['rule']}: {row['html']}\n    {row['why']}")
                        page.set_viewport_size(TWICE)
                        page.wait_for_timeout(500)
                        seen.cut += [f"{state.name}: {row}" for row in page.evaluate(CUT_OFF)]
                        page.set_viewport_size(SIZE)
                        seen.visited += 1
            finally:
                server.close()
    yield seen


def test_axe_finds_nothing_serious_on_any_page(found: Found) -> None:
    assert found.visited == len(EMPTY) + len(FURNISHED)
    assert not found.grave, "\n".join(found.grave)


def test_at_200_percent_nothing_is_cut_off(found: Found) -> None:
    assert found.visited == len(EMPTY) + len(FURNISHED)
    assert not found.cut, "\n".join(found.cut)
