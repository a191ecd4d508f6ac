from __future__ import annotations

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
    assert [
        f"{section}.{name}" for section in settings for name in settings[section] if f"{section}.{name}" not in known
    ] == []


def test_no_page_lets_markup_through() -> None:
    for file in (ROOT / "app").rglob("*.py"):
        text = file.read_text()
        assert "unsafe_allow_html" not in text, file
        assert "st.html" not in text, file
