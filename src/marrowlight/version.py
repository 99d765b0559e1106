"""The version of the software, from the installed package."""

from importlib.metadata import version

__version__ = version("marrowlight")
