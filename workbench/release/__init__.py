"""Model card, gate, export and registry: what it takes before a model may be used."""
