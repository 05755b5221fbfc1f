"""Data that is installed with the library: the bundled model."""
