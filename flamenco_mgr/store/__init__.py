"""The farm's memory: interfaces in the domain's verbs, and their providers."""
