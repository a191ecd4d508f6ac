"""The quality report: rules that look for what is wrong with a cohort, and the page that shows what they found.

A rule looks at the cohort as a whole (``evidence.Evidence``) and gives findings (``finding.Finding``). Numbers about
single pictures (``statistics.statistics_of``) are taken while the index has their pixels in hand.
"""
