"""The Streamlit app: pages submit settings as jobs and read what the jobs wrote; no verb runs in its process."""
