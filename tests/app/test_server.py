from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest


def test_a_failure_outside_a_page_is_said_in_words_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    def page() -> None:
        import streamlit as st

        from app.server import _failed

        st.session_state["handled"] = _failed(ValueError("private detail"))

    shown = AppTest.from_function(page).run()
    assert "could not be shown" in shown.error[0].value and "private detail" not in shown.error[0].value
    assert shown.session_state["handled"] is True
    assert "private detail" in caplog.text
