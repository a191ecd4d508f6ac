"""The label-efficiency study: arms, protocols, budgets and draws; curves with intervals; labels saved; a verdict."""
