"""From the frames of a series to volumes: which frames belong together, in which order, and whether they are even.

``stacks.find_stacks`` is the whole rule on tables alone, ``tables`` applies it to an index, ``volume`` reads a volume.
Slices are ordered by their place along the normal (Image Position · normal), never by Instance Number.
"""
