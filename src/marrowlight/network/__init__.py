"""Fetch studies from a DICOMweb server, store documents back, and do both by itself.

Imported by none but ``cli``.
"""
