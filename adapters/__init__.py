"""One module or folder per kind of source, each behind `adapters.interface`."""
