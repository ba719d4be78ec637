"""The interface for people's pages and scripts, under ``/api/v1`` (docs/api.md)."""
