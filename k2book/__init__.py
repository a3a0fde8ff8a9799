"""What builds the book: the Sphinx extension and the pages made from tables and models."""
