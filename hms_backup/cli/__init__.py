"""The command line's verbs, one file each, and how they look in a terminal."""
