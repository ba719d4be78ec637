"""Flamenco Manager: between a Flamenco Server and a render farm's Workers."""

__version__ = "0.1.0"
