"""What strangers cannot do: tests for the lines of docs/security.md that have none elsewhere."""
