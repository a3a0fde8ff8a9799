"""Helper package of the executable course “K2 beyond the liver”."""

from importlib.metadata import version

__version__ = version("k2course")
