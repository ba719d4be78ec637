"""The Manager's duties; each gathers, lets the domain decide, and acts."""
