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


def pytest_terminal_summary(terminalreporter):
    """What is missing beside other libraries, as tests noted it with record_property."""
    noted = [text for reports in terminalreporter.stats.values() for report in reports
             for name, text in getattr(report, "user_properties", ()) if name == "operator missing"]
    judged = {outcome: [r for r in reports if getattr(r, "when", "") == "call" and "test_operator_is_as" in r.nodeid]
              for outcome, reports in terminalreporter.stats.items()}
    total = sum(map(len, judged.values()))
    if total:
        passed = len(judged.get("passed", ())) - len(noted)
        terminalreporter.write_line(f"operators of PyTorch's database: {passed} of {total} are as there")
        for text in sorted(noted):
            terminalreporter.write_line(f"  missing: {text}")
