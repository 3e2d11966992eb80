"""The one exception of the harness."""


class BenchError(Exception):
    """Something that the person at the terminal must know and can act on; its text is for them."""
