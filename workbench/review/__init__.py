"""Cases to an expert, their verdicts back, sign-off; what people say stands in a chain of records."""
