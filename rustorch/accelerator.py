"""Whatever accelerator the machine has, as torch.accelerator has it: none in this build.

>>> import rustorch as rt
>>> rt.accelerator.current_accelerator().type if rt.accelerator.is_available() else "cpu"
'cpu'
"""

from ._device import device as _device


def is_available() -> bool:
    """False: there is none in this build."""
    return False


def device_count() -> int:
    """0."""
    return 0


def current_accelerator(check_available: bool = False) -> _device | None:
    """None: there is none."""
    return None


def synchronize() -> None:
    """Nothing to wait for."""
