"""Pretraining without labels: one file per method, and the meters and pictures that go with them."""
