"""Damaged and hostile files by the thousand, each read in a process of its own.

``corpus`` has the sound files, ``mutate_*`` spoil them, ``target`` reads them as a user would,
``server`` forks one process a case, ``report`` counts. ``python -m tests.fuzz --help``.
"""
