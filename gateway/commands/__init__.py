"""The verbs of the command line: each translates, calls the engine or the catalog, and prints."""
