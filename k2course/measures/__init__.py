"""What a laboratory and a scanner compute."""
