"""The rules of the farm: values, and functions of values and the time."""
