"""What exists: hospitals, their tables, the virtual tables, and how one becomes the other. Knows no SQL engine and no adapter."""
