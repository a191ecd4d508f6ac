"""The volumes of a cohort, decoded once into mapped files, ready for networks of three dimensions.

``building.build_volumes`` makes the store, ``store.VolumeStore`` reads whole volumes or parts of them, and
``patches.VolumePatches`` draws seeded patches for training.
"""
