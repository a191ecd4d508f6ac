"""The audit of a finished study or model: whom it serves less well, what else it reads, and how far to trust it."""
