"""The commands, one of the farm's things a module."""
