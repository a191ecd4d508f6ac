"""Entry of the app: its pages and the sidebar's job chip. Start it with ``workbench app``."""

from __future__ import annotations

import streamlit as st

from app.components.favicon import favicon
from app.components.frame import escape, guarded
from app.components.job_chip import job_chip
from app.gate import gate, signed_in_line
from app.signed_in import signed_in
from app.surroundings import workspace

st.set_page_config(page_title="Imaging workbench", page_icon=favicon(), layout="wide")
if not guarded(gate)():  # what goes wrong at the gate lets nobody in
    st.stop()

pages = {
    "": [
        st.Page("screens/home.py", title="Home", icon=":material/home:", url_path="home", default=True),
        st.Page("screens/jobs.py", title="Jobs", icon=":material/list_alt:", url_path="jobs"),
        st.Page("screens/people.py", title="People and settings", icon=":material/group:", url_path="people"),
    ],
    "Data": [
        st.Page("screens/add_images.py", title="Add images", icon=":material/add_photo_alternate:", url_path="images"),
        st.Page("screens/check.py", title="Check", icon=":material/fact_check:", url_path="check"),
        st.Page("screens/look.py", title="Look (browse)", icon=":material/visibility:", url_path="look"),
    ],
    "Learn": [
        st.Page("screens/learn.py", title="Learn (pretrain)", icon=":material/model_training:", url_path="learn"),
    ],
    "Label": [
        st.Page("screens/labels.py", title="Labels", icon=":material/label:", url_path="labels"),
        st.Page("screens/teach.py", title="Teach (fine-tune)", icon=":material/school:", url_path="teach"),
    ],
    "Test": [
        st.Page(
            "screens/how_many.py", title="How many labels? (study)", icon=":material/show_chart:", url_path="study"
        ),
        st.Page("screens/groups.py", title="Does it work for everyone?", icon=":material/groups:", url_path="groups"),
        st.Page("screens/review.py", title="Review queue", icon=":material/rate_review:", url_path="review"),
    ],
    "Models": [st.Page("screens/models.py", title="Models", icon=":material/verified:", url_path="models")],
}
chosen = st.navigation(pages, expanded=True)
with st.sidebar:
    guarded(job_chip)()
    guarded(signed_in_line)()
    st.caption(f"Workspace: {escape(workspace().root.name)} · you are {escape(signed_in())}")
chosen.run()
