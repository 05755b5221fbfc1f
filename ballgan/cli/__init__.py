"""The `ballgan` command: options here, the work itself in the library."""
