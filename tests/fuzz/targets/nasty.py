"""JSON texts that are meant to cost too much."""

from collections.abc import Iterator


def json_texts() -> Iterator[bytes]:
    """Yield deep nesting, huge numbers, very many values and keys, and long strings full of escapes."""
    yield b"[" * 1_000_000
    yield b'{"a":' * 200_000
    yield b'{"settings":' * 500 + b"1" + b"}" * 500
    yield b"9" * 1_000_000
    yield b"[" + b"9" * 4_000 + b"]"
    yield b'{"_id":1e' + b"9" * 100_000 + b"}"
    yield b"[" + b"1," * 1_000_000 + b"1]"
    yield b"{" + b",".join(b'"%d":%d' % (number, number) for number in range(100_000)) + b"}"
    yield b'{"log":"' + b"\\u0000" * 300_000 + b'"}'
    yield b'{"log":"' + b'\\"' * 900_000
    yield b'{"log":"' + b"\\ud800" * 300_000 + b'"}'
    yield b" " * 2_000_000
    yield b"\xff" * 1_000_000


def within(*around: bytes) -> Iterator[bytes]:
    """Yield huge numbers and deep nesting in place of ``%s`` in each of these texts."""
    for text in around:
        yield text.replace(b"%s", b"9" * 4_200)
        yield text.replace(b"%s", b"-" + b"9" * 310)
        yield text.replace(b"%s", b"1e999")
        yield text.replace(b"%s", b"[" * 500 + b"]" * 500)
        yield text.replace(b"%s", b'{"a":' * 40 + b"1" + b"}" * 40)
