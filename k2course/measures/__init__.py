"""Measurements of the laboratory and the scanner, each from its published definition."""
