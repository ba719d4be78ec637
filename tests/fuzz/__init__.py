"""Bytes of strangers, for every parser that meets them: a value comes of them, or the error that is documented."""
