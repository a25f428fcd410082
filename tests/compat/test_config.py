"""Settings, the environment, the log, threadpoolctl, and devices that are not here."""

import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import threadpoolctl

import rustorch as rt
from rustorch import _environment, _log, config


@pytest.fixture(autouse=True)
def as_before():
    before = config.get()
    yield
    for name, value in before.items():
        if name != "default_device":
            config._SETTINGS[name][1](value)


def python(code, **variables):
    """(stdout, stderr) of a fresh interpreter with these variables."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("RUSTORCH_", "OMP_"))}
    done = subprocess.run([sys.executable, "-c", code], env={**env, **variables}, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr


THREADS = "import rustorch as rt; print(rt.get_num_threads(), (rt.ones(2_000_000) + 1).sum().item())"


def test_threads_from_the_environment():
    assert python(THREADS, RUSTORCH_NUM_THREADS="8") == ("8 4000000.0", "")
    assert python(THREADS, OMP_NUM_THREADS="3")[0] == "3 4000000.0"
    assert python(THREADS, OMP_NUM_THREADS="3", RUSTORCH_NUM_THREADS="2")[0] == "2 4000000.0"


@pytest.mark.parametrize("value", ["none", "0", "-1", "1000"])
def test_a_wrong_number_of_threads_is_told(value):
    out, err = python(THREADS, RUSTORCH_NUM_THREADS=value)
    assert out.endswith(" 4000000.0") and f"RUSTORCH_NUM_THREADS={value!r} is not a number from 1 to 256" in err


def test_other_wrong_variables_are_told():
    code = "import rustorch; print(rustorch.show_config())"
    out, err = python(code, RUSTORCH_CUDA_DEVICE="first", RUSTORCH_LOG_LEVEL="loud")
    assert err.count("RuntimeWarning") == 2 and "'first' is not the number of a device" in err and "'loud'" in err
    assert "wrong: RUSTORCH_CUDA_DEVICE" in out
    assert python("import rustorch", RUSTORCH_CUDA_DEVICE="1", RUSTORCH_LOG_LEVEL="error") == ("", "")


def test_the_log_is_quiet_unless_asked():
    code = "import rustorch as rt, numpy as np; np.spacing(rt.ones(2)); rt.set_simd_enabled(False)"
    code += "; rt.memory.empty_cache()"
    assert python(code) == ("", "")
    assert python(code, RUSTORCH_LOG_LEVEL="warning") == ("", "")
    _, info = python(code, RUSTORCH_LOG_LEVEL="info", RUSTORCH_NUM_THREADS="2", RUSTORCH_NUMTHREADS="1")
    for part in (
        "rustorch INFO: version", "2 threads (from RUSTORCH_NUM_THREADS)", "matrix products", "loops for",
        "RUSTORCH_NUMTHREADS is not a variable of ours; did you mean RUSTORCH_NUM_THREADS?",
    ):  # fmt: skip
        assert part in info, part
    assert "DEBUG" not in info
    _, debug = python(code, RUSTORCH_LOG_LEVEL="Debug")
    assert "spacing is answered by NumPy's own code, at <string>:1" in debug and "memory cache went back" in debug


def test_the_log_is_the_standard_librarys(caplog):
    with caplog.at_level(logging.DEBUG, logger="rustorch"):
        config.set_thread_pool_size(2)
    assert [record.getMessage() for record in caplog.records] == ["2 threads"]
    with pytest.raises(ValueError, match="log level must be one of"):
        config.set_log_level("loud")
    logger = logging.getLogger("rustorch")
    level, handlers = logger.level, list(logger.handlers)
    try:
        config.set_log_level("debug")
        config.set_log_level("error")
        assert logger.level == logging.ERROR and _log._fallbacks is None
    finally:
        logger.setLevel(level)
        logger.handlers[:] = handlers


def test_threads_can_be_set():
    for function in (rt.set_num_threads, config.set_thread_pool_size, config.set_num_threads):
        function(16)
        assert rt.get_num_threads() == 16 and (rt.ones(2_000_000) + 1).sum() == 4_000_000
        for wrong in (0, -1, 257):
            with pytest.raises(rt.TensorError):
                function(wrong)
        with pytest.raises(TypeError):
            function("two")
        function(1)
    assert "set by the program" in config.show_config()


def test_threadpoolctl_sees_and_limits_the_pool():
    rt.set_num_threads(4)
    (pool,) = [library for library in threadpoolctl.threadpool_info() if library["user_api"] == "rustorch"]
    assert pool["num_threads"] == 4 and pool["version"] == rt.__version__ and pool["internal_api"] == "rustorch"
    for limits in ({"limits": 1}, {"limits": 1, "user_api": "rustorch"}, {"limits": {"rustorch": 1}}):
        with threadpoolctl.threadpool_limits(**limits):
            assert rt.get_num_threads() == 1
        assert rt.get_num_threads() == 4
    with threadpoolctl.threadpool_limits(limits=1, user_api="blas"):
        assert rt.get_num_threads() == 4


@pytest.mark.parametrize(
    "order",
    ["import threadpoolctl, rustorch", "import rustorch, threadpoolctl",
     "import rustorch; rustorch.show_config(); import threadpoolctl"],
)  # fmt: skip
def test_threadpoolctl_may_come_first_or_last(order):
    code = f"{order}; print(sum(x['user_api'] == 'rustorch' for x in threadpoolctl.threadpool_info()))"
    assert python(code) == ("1", "")


def test_simd_can_be_switched_off():
    x, a = rt.linspace(-5, 5, 1001), rt.randn(40, 40)
    wide, product = x.exp(), a @ a
    widest = rt._C.build_info()["isa"]
    rt.set_simd_enabled(False)
    assert not config.is_simd_enabled() and rt._C.build_info()["isa"] in ("v2", "portable")
    assert rt.allclose(x.exp(), wide, rtol=3e-7) and rt.allclose(a @ a, product, rtol=1e-4, atol=1e-5)
    assert (x + x).tolist() == (x * 2).tolist()
    rt.set_simd_enabled(True)
    assert rt._C.build_info()["isa"] == widest and (x.exp() == wide).all() and (a @ a == product).all()
    with pytest.raises(TypeError, match="set_simd_enabled"):
        rt.set_simd_enabled(1)


def test_the_environments_instruction_set_is_where_it_goes_back_to():
    code = "import rustorch as rt; rt.set_simd_enabled(False); rt.set_simd_enabled(True); print(rt._C.build_info())"
    isa = "portable" if rt._C.build_info()["isa"] == "portable" else "v2"
    assert f"'isa': '{isa}'" in python(code, RUSTORCH_ISA=isa)[0]


def test_fast_math_changes_nothing():
    x = rt.linspace(-5, 5, 101)
    before = x.exp().tolist()
    config.enable_fast_math(True)
    assert config.is_fast_math_enabled() and x.exp().tolist() == before
    assert "asked for; nothing depends on it" in config.show_config()
    config.enable_fast_math(False)
    with pytest.raises(TypeError, match="enable_fast_math"):
        config.enable_fast_math("yes")


def test_default_dtype_and_device():
    config.set_default_dtype(rt.float64)
    assert rt.ones(2).dtype == rt.float64 == config.get("default_dtype")
    with pytest.raises(TypeError):
        config.set_default_dtype(rt.int32)
    config.set_default_device("cpu")
    with pytest.raises(rt.DeviceError, match=r"set_default_device.*cuda:0.*is_available"):
        config.set_default_device("cuda:0")


def test_settings_for_a_block():
    before = config.get()
    with config.context(num_threads=3, default_dtype=rt.float64, debug_mode=True, simd=False):
        assert config.get("num_threads") == 3 and config.get("default_dtype") == rt.float64
        assert config.get("debug_mode") and not config.get("simd")
    assert config.get() == before
    with pytest.raises(KeyError), config.context(num_threads=3):
        raise KeyError
    assert config.get() == before
    with pytest.raises(TypeError, match=r"colour.*num_threads"), config.context(colour=1):
        pass
    with pytest.raises(KeyError, match="colour"):
        config.get("colour")


def test_show_config_says_everything():
    text = rt.show_config()
    assert text == config.show_config() and text.startswith(f"rustorch {rt.__version__}\n")
    for part in ("NumPy", "instruction set", "elementary functions", "matrix products", "affinity", "quota", "granted",
                 "CUDA", "plugins", ".rustorch files", "format 1", "torch", "onnxruntime", "environment"):  # fmt: skip
        assert part in text, part


def test_show_config_imports_no_optional_package():
    code = "import sys, rustorch; rustorch.show_config(); print({'torch', 'onnx', 'sklearn'} & set(sys.modules))"
    assert python(code)[0] == "set()"


def test_devices_that_are_not_here():
    assert not rt.cuda.is_available() and not rt.metal.is_available()
    assert str(rt.device("cuda:0")) == "cuda:0" and str(rt.cuda.device(0)) == "cuda:0"
    assert str(rt.device("metal:0")) == "metal:0"
    rt.cuda.empty_cache()
    rt.metal.empty_cache()
    x = rt.ones(2, 2)
    for action in (
        lambda: x.to("cuda:0"), lambda: x.to(rt.device("metal:0")), lambda: rt.cuda.matmul(x, x), lambda: x.cuda(),
        lambda: rt.metal.matmul(x, x), lambda: rt.cuda.synchronize(), lambda: rt.zeros(2, device="cuda"),
    ):  # fmt: skip
        with pytest.raises(rt.DeviceError, match=r"cpu|CPU"):
            action()


def test_the_page_lists_all_variables_and_settings():
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
    listed = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert listed == set(_environment.KNOWN) | set(config.get())
