"""irodori: colour black-and-white photographs under a person's guidance, in real time."""

__version__ = "0.1.0"
