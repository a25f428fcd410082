"""The Metal device: absent in this build."""


def is_available() -> bool:
    """False: there is no Metal backend in this build."""
    return False
