"""Settings all tests share: what the run was made with, and Hypothesis without deadlines."""
import importlib.metadata
import platform

import hypothesis

hypothesis.settings.register_profile("rustorch", deadline=None, print_blob=True)
hypothesis.settings.load_profile("rustorch")


def pytest_report_header(config):
    names = ("numpy", "torch", "scipy", "scikit-learn", "ml_dtypes")
    found = {d.name: d.version for name in names for d in importlib.metadata.distributions(name=name)}
    return f"{platform.machine()}, " + ", ".join(f"{n} {found.get(n, 'missing')}" for n in names)
