"""Scans from a PACS: searched, retrieved, counted against what the server claims, and kept in step with it.

Two ways in, one contract (``archive.Archive``): DICOMweb (PS3.18: QIDO-RS, WADO-RS) and the classic message services
(PS3.4: C-ECHO, C-FIND, C-MOVE, C-GET). ``fetching.fetch`` does the work for both.
"""
