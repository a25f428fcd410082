"""Apple's GPU under PyTorch's name: absent in this build."""


def is_available() -> bool:
    """False: there is no such backend in this build."""
    return False


def device_count() -> int:
    """0."""
    return 0


def manual_seed(seed: int) -> None:
    """Accepted: there is no device to seed."""


def empty_cache() -> None:
    """Nothing to give back."""


def synchronize() -> None:
    """Nothing to wait for."""
