"""Fits the learned part of the edema finder. Not part of the installed package."""
