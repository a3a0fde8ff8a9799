"""What the laboratory and the scanner compute from their readings."""
