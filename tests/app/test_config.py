from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_security_settings_are_as_decided() -> None:
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert settings["server"] == {
        "headless": True,
        "address": "127.0.0.1",
        "enableXsrfProtection": True,
        "xsrfCookieSameSite": "lax",
        "enableCORS": True,
        "corsAllowedOrigins": [],
        "allowedHosts": ["localhost", "127.0.0.1"],
        "maxUploadSize": 20,
        "maxMessageSize": 50,
        "enableStaticServing": False,
        "enableAgentApi": False,
        "disconnectedSessionTTL": 1800,
        "fileWatcherType": "none",
    }
    assert settings["client"] == {"toolbarMode": "minimal", "showErrorDetails": "none", "disableDataExport": True}
    assert settings["browser"] == {"gatherUsageStats": False, "serverAddress": "127.0.0.1"}
    assert settings["runner"] == {"magicEnabled": False}


def test_streamlit_knows_every_setting() -> None:
    from streamlit import config

    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    known = config.get_config_options()
    named = [f"{section}.{name}" for section in settings for name in settings[section] if section != "theme"]
    named += [f"theme.{name}" for name in settings["theme"] if name != "light"]
    named += [f"theme.light.{name}" for name in settings["theme"]["light"]]
    assert [name for name in named if name not in known] == []


def test_no_page_lets_markup_through() -> None:
    for file in (ROOT / "app").rglob("*.py"):
        text = file.read_text()
        assert "unsafe_allow_html" not in text, file
        assert "unsafe_allow_javascript" not in text, file
        # the model card alone is drawn as HTML: made here, every value in it escaped
        drawn = re.findall(r"st\.html\((.*)\)$", text, re.M)
        assert set(drawn) <= {"f'<div style=\"overflow-wrap: anywhere\">{html_body(card)}</div>'"}, file
        assert text.count("st.html(") == len(drawn), file


def test_every_download_passes_the_one_button_that_makes_tables_safe() -> None:
    holders = [file.name for file in (ROOT / "app").rglob("*.py") if "download_button" in file.read_text()]
    assert holders == ["download.py"]


def test_a_table_for_download_holds_no_formula() -> None:
    from app.components.download import download

    given: list[tuple[object, ...]] = []

    class Place:
        def download_button(self, *words: object) -> None:
            given.append(words)

    download(Place(), "Get", "note\n=1+1\n-2\n", "list.CSV")
    download(Place(), "Get", b"=1", "page.html", "text/html")
    assert given == [
        ("Get", b"note\r\n'=1+1\r\n-2\r\n", "list.CSV", None),
        ("Get", b"=1", "page.html", "text/html"),
    ]
