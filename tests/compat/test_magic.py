"""Cells in C and Rust: notebooks run by nbclient, and the magic by itself for all that can go wrong."""
import doctest
import os
import re
import shutil
import stat
from pathlib import Path

import numpy as np
import pytest

import rustorch
from rustorch._cells import compiler
from rustorch._cells.magic import Magic
from rustorch._cells.signature import functions

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A cache of this module's own, so that what others compiled does not matter."""
    folder = tmp_path_factory.mktemp("cache")
    folder.chmod(0o700)
    return folder


@pytest.fixture(autouse=True)
def cache(kept, monkeypatch):
    monkeypatch.setenv("RUSTORCH_CACHE_DIR", str(kept))


class Shell:
    def __init__(self, **names):
        self.user_ns = names

    def push(self, names):
        self.user_ns.update(names)


def run(line, cell, /, **names):
    """The variables after a cell."""
    shell = Shell(**names)
    Magic(shell).cell(line, cell)
    return shell.user_ns


# ---- notebooks ----

def executed(name, monkeypatch):
    import nbclient
    import nbformat

    monkeypatch.setenv("PYTHONPATH", str(Path(rustorch.__file__).parents[1]))
    notebook = nbformat.read(HERE / "notebooks" / name, as_version=4)
    return nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute().cells


def text_of(cell):
    return "".join(output.get("text", "") for output in cell.outputs if output.output_type == "stream")


def error_of(cell):
    return next(output for output in cell.outputs if output.output_type == "error")


def test_notebook_of_c_cells(monkeypatch):
    cells = executed("magic.ipynb", monkeypatch)
    assert text_of(cells[1]) == ""
    assert text_of(cells[2]) == ("[0.0, 2.5, 5.0, 7.5] True\nlooked at 4 numbers\n"
                                 "3 <C function int64_t count_positive(const double *x, int64_t n)>\n")
    assert text_of(cells[4]) == "15.0 [0.0, 1.25, 2.5, 3.75]\n"
    error = error_of(cells[5])
    assert error.ename == "CellError"
    assert error.traceback[1].startswith("cell.c:4:12: error:") and "undeclared" in error.traceback[1]
    assert "    x[0] = undeclared;" in error.traceback[2]      # line 4 of the cell as the notebook numbers it
    assert "float64" in error_of(cells[6]).evalue and error_of(cells[6]).ename == "TypeError"
    assert "threads" in text_of(cells[7]) and "C cells: " in text_of(cells[7])


needs_rust = pytest.mark.skipif(not shutil.which("rustc"), reason="rustc is not on PATH")


@needs_rust
def test_notebook_of_rust_cells(monkeypatch):
    cells = executed("magic_rust.ipynb", monkeypatch)
    assert text_of(cells[1]).startswith("tensor([[") and text_of(cells[1]) == text_of(cells[2])
    assert text_of(cells[5]) == ("[[1.0, 1.0, 1.0], [1.0, 7.0, 1.0]] [[7.0, 18.0], [18.0, 103.0]] 146.0\n")
    error = error_of(cells[6])
    assert error.ename == "CellError" and "mismatched types" in error.traceback[0]
    assert "cell.rs:3:" in error.traceback[1]


# ---- C: what goes in and out ----

POINTERS = """
int8_t first_i8(const int8_t *x) { return x[1]; }
uint8_t first_u8(const uint8_t *x) { return x[1]; }
short first_i16(const short *x) { return x[1]; }
uint16_t first_u16(const uint16_t x[]) { return x[1]; }
int first_i32(int const *x) { return x[1]; }
unsigned first_u32(const unsigned int *x) { return x[1]; }
long int first_i64(const long int *restrict x) { return x[1]; }
unsigned long long first_u64(const unsigned long long *x) { return x[1]; }
float first_f32(const float x[2]) { return x[1]; }
double first_f64(const double *x) { return x[1]; }
bool first_b1(const bool *x) { return x[1]; }
double first_c64(const float complex *x) { return cimag(x[1]); }
double first_c128(const double complex *x) { return cimag(x[1]); }
"""


@pytest.fixture(scope="module")
def first(kept):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUSTORCH_CACHE_DIR", str(kept))
        return run("", POINTERS)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32",
                                   "float64", "bool", "complex64", "complex128"])
def test_each_dtype_has_its_pointer(first, dtype):
    name = "first_" + {"bool": "b1", "complex64": "c64", "complex128": "c128"}.get(
        dtype, dtype.replace("uint", "u").replace("int", "i").replace("float", "f"))
    function, a = first[name], np.array([0, 1], dtype)
    if dtype.startswith("complex"):
        a *= 1j
    assert function(rustorch.asarray(a)) == 1 and function(a) == 1
    for other in ("float32", "int64", "complex128"):
        if other != dtype:
            with pytest.raises(TypeError, match=f"{name}: argument x.*{dtype}.*{other}"):
                function(rustorch.zeros(2, dtype=other))
    with pytest.raises(ValueError, match="not contiguous"):
        function(rustorch.zeros(4, dtype=dtype)[::2])
    with pytest.raises(TypeError, match="needs a tensor or an array, not list"):
        function([0, 1])


NUMBERS = """
int8_t small(int8_t x) { return x; }
uint64_t large(uint64_t x) { return x; }
double real(double x, float y) { return x + y; }
bool flip(bool x) { return !x; }
const char *greet(const char *name) { static char text[64]; snprintf(text, 64, "hello %s", name); return text; }
void nothing(void) {}
PyObject *same(PyObject *o) { Py_INCREF(o); return o; }
PyObject *fail(PyObject *o) { return PyErr_Format(PyExc_KeyError, "no %S", o); }
int touch(double *x) { x[0] = 1; return x == NULL; }
int is_null(const double *x) { return x == NULL; }
int64_t dimensions(rustorch_tensor *t) { return rustorch->ndim(t); }
struct point { double x, y; };
"""


def test_numbers_strings_and_objects():
    f = run("", NUMBERS)
    assert f["small"](-128) == -128 and f["large"](2**64 - 1) == 2**64 - 1 and f["large"](rustorch.tensor(7)) == 7
    for name, wrong in (("small", 128), ("small", -129), ("large", -1), ("large", 2**64)):
        with pytest.raises(OverflowError, match=f"{name}: argument x"):
            f[name](wrong)
    with pytest.raises(TypeError, match="needs an integer, not float"):
        f["small"](1.0)
    assert f["real"](1, 0.5) == 1.5 and f["real"](y=rustorch.tensor(0.5), x=np.float64(2)) == 2.5
    with pytest.raises(TypeError, match="needs a number, not str"):
        f["real"]("1", 2)
    assert f["flip"](False) is True and f["greet"]("you") == "hello you" and f["nothing"]() is None
    with pytest.raises(TypeError, match="zero bytes"):
        f["greet"]("a\0b")
    o = object()
    assert f["same"](o) is o
    with pytest.raises(KeyError, match="no 3"):
        f["fail"](3)
    with pytest.raises(TypeError, match=r"takes 2 arguments, not 1: double real\(double x, float y\)"):
        f["real"](1)
    with pytest.raises(TypeError, match="missing, unknown or repeated arguments y, z"):
        f["real"](1, z=2)
    assert f["is_null"](None) == 1
    assert f["dimensions"](rustorch.ones(2, 3, dtype="bfloat16").T) == f["dimensions"](np.ones((2, 3), "i2")) == 2
    with pytest.raises(TypeError, match=r"dimensions: argument t.*needs a tensor or an array, not list"):
        f["dimensions"]([1])
    assert repr(f["flip"]) == "<C function bool flip(bool x)>"


def test_writing_is_announced():
    touch = run("", NUMBERS)["touch"]
    w = rustorch.ones(2, dtype="float64", requires_grad=True)
    x = rustorch.zeros(2, dtype="float64")
    y = w * x
    touch(x)
    assert x[0] == 1
    with pytest.raises(RuntimeError, match="C code"):
        y.sum().backward()
    for wrong in (w, w * 2, rustorch.ones(2, dtype="float64").expand(3, 2)[0] * w):
        with pytest.raises(RuntimeError, match="or declare it const"):
            touch(wrong)
    readonly = np.zeros(2)
    readonly.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        touch(readonly)
    with rustorch.no_grad():
        touch(w)
    assert w[0] == 1


def test_statements_see_the_variables_they_are_given(capfd):
    names = run("-i x,n -i k --input flag,text,other -o out", """
    printf("%g %ld %g %d %s ", (double)x[2], (long)n, k, flag, text);
    printf("%ld %ld %ld", (long)x_size, (long)x_ndim, (long)x_shape[1]);
    for (int64_t i = 0; i < x_size; i++) x[i] *= k;
    out = Py_BuildValue("(OO)", other, Py_None);
    """, x=rustorch.ones(2, 3), n=5, k=0.5, flag=True, text="hi", other={1})
    assert capfd.readouterr().out == "1 5 0.5 1 hi 6 2 3"
    assert names["out"] == ({1}, None) and names["x"].tolist() == [[0.5] * 3] * 2
    capfd.readouterr()
    run("", 'fprintf(stderr, "plain");')
    assert capfd.readouterr().err == "plain"


def test_mistakes_in_the_line():
    from IPython.core.error import UsageError

    for line, message in (("-i x", "no such variable"), ("-o 1x", "no name of a variable"), ("--nonsense", "nonsense"),
                          ("--lang fortran", "fortran"), ("--flags 'x", "quotation")):
        with pytest.raises(UsageError, match=message):
            run(line, "int x;")
    with pytest.raises(compiler.CellError, match="did not set 'z'"):
        run("-o z", ";")
    with pytest.raises(TypeError, match="bfloat16"):
        run("-i x", ";", x=rustorch.ones(2, dtype="bfloat16"))
    with pytest.raises(ValueError, match="not contiguous"):
        run("-i x", ";", x=rustorch.ones(2, 3).T)


def test_compilers_words_are_the_error(capsys):
    with pytest.raises(compiler.CellError, match=r"cell\.c:3:1: error:") as caught:
        run("", "int f(void)\n}\n")
    assert caught.value._render_traceback_()[0].startswith("cell.c:")
    with pytest.raises(compiler.CellError, match="cannot be loaded"):
        run("", "void missing(void); void f(void) { missing(); }")
    run("--flags='-Wextra -DK=3'", "int three(int unused) { return K; }")
    assert "unused parameter" in capsys.readouterr().err
    made = run("", "struct p { int x; };\nint f(struct p p) { return p.x; } int g(double **x) { return x == 0; }\n"
                   "int h(void) { return 1; }")
    said = capsys.readouterr().err
    assert "f: argument 'p' has type struct p" in said and "g: 'double **' is a pointer to a pointer" in said
    assert set(made) == {"h"}


def test_missing_compilers_are_told(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.delenv("RUSTC", raising=False)
    with pytest.raises(compiler.CellError, match="needs a C compiler: none of cc, gcc and clang is on PATH"):
        run("", "int f(void) { return 1; }")
    with pytest.raises(compiler.CellError, match="needs rustc"):
        run("", "let x = 1;")
    monkeypatch.setenv("CC", "no-such-compiler -O2")
    with pytest.raises(compiler.CellError, match="CC=no-such-compiler is not there"):
        run("", "int f(void) { return 1; }")


def test_signatures():
    source = """
    #define F(x) int bad(int y) { return y; }
    /* int no(int x) { */ // int neither(void) {
    static inline double hidden(double x) { if (x) { return 1; } while (x) { } return '{'; }
    extern const char *name(void) { return "}{"; }
    typedef struct { int a; } s;
    int declared(int);
    unsigned long int sum(unsigned char const *restrict p, signed long n, double m[3][4]) { for (;;) {} }
    """
    found, refused = functions(source)
    assert refused == [] and [f.name for f in found] == ["name", "sum"]
    assert str(found[0].result) == "const char *"
    assert [(n, str(t)) for n, t in found[1].parameters] == [
        ("p", "const unsigned char *"), ("n", "long"), ("m", "double *")]
    assert str(found[1].result) == "unsigned long"


# ---- the cache ----

def test_cells_are_kept_and_others_folders_passed_over(monkeypatch, tmp_path):
    mine = tmp_path / "mine"
    monkeypatch.setenv("RUSTORCH_CACHE_DIR", str(mine))
    run("", "int kept(void) { return 1; }")
    (library,) = (mine / "cells").glob("*.so")
    assert stat.S_IMODE((mine / "cells").stat().st_mode) == 0o700
    made = library.stat().st_mtime_ns
    run("", "int kept(void) { return 1; }")
    assert library.stat().st_mtime_ns == made and len(list((mine / "cells").iterdir())) == 1
    (mine / "cells").chmod(0o777)
    assert compiler.cache_folder() != mine / "cells"          # anybody could have put code there
    (mine / "cells").chmod(0o700)
    assert compiler.clear_cache() == 1 and not list((mine / "cells").iterdir())
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv("RUSTORCH_CACHE_DIR", str(file))
    assert os.stat(compiler.cache_folder()).st_uid == os.getuid()


# ---- the page of the documentation ----

def test_page_of_magic_runs():
    """Its cells, one after the other, in one shell."""
    page = (HERE.parents[1] / "docs" / "magic.md").read_text()
    cells = re.findall(r"^```(c|rust|python)\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    shell = Shell(rt=rustorch)
    assert [language for language, _ in cells] == ["c", "python", "c", "c", "rust", "rust"]
    for language, text in cells:
        if language == "python":
            test = doctest.DocTestParser().get_doctest(text, shell.user_ns, "magic.md", "magic.md", 0)
            assert doctest.DocTestRunner().run(test, clear_globs=False).failed == 0
            shell.user_ns.update(test.globs)
            continue
        first, _, rest = text.partition("\n")
        if language == "c" or shutil.which("rustc"):
            Magic(shell).cell(first.removeprefix("%%rustorch"), rest)
    assert shell.user_ns["squares"]([1, 2, 3]).tolist() == [1.0, 4.0, 9.0]
    assert shell.user_ns["largest"] == 7.5
    if shutil.which("rustc"):
        np.testing.assert_allclose(shell.user_ns["y"], np.exp(2 * np.array([1.0, 2.5, 5.0, 7.5])) + 1)


# ---- Rust ----

@needs_rust
def test_rust_shares_memory_and_errors():
    x = rustorch.arange(6, dtype="float64").reshape(2, 3)
    names = run("-i x,k,name,on -o y,n,shape,greeting,values", """
        let mut x = x;
        x.as_mut_slice::<f64>()[5] = k;
        let y = -(&x + 1.0) / 2.0 - x.sum_dim(0) * 3.0;
        let (n, shape) = (x.numel(), x.shape());
        let greeting = format!("hello {} {} {}", name, on, x.get(&[1, 2]));
        let values = Tensor::from_vec(vec![1i64, 2, 3, 4], &[2, 2]).to_vec::<f32>();
    """, x=x, k=9.0, name="you", on=True)
    a = x.numpy()
    assert a[1, 2] == 9
    np.testing.assert_array_equal(names["y"], -(a + 1) / 2 - a.sum(0) * 3)
    assert names["n"] == 6 and names["shape"] == (2, 3) and names["values"] == (1, 2, 3, 4)
    assert names["greeting"] == "hello you true 9"
    with pytest.raises(rustorch.ShapeMismatchError):
        run("-i x", "let y = x.matmul(&x);", x=x)
    with pytest.raises(RuntimeError, match="line 2: index out of bounds"):
        run("", "let v = vec![1]; let i = v.len() + 3; println!(\"{}\", v[i]);")
    with pytest.raises(RuntimeError, match="invalid digit"):
        run("", 'let n: i32 = "no".parse()?;')
    with pytest.raises(RuntimeError, match="requires grad"):
        run("-i w", "let mut w = w; w.as_mut_slice::<f32>();", w=rustorch.ones(2, requires_grad=True))
    with pytest.raises(TypeError, match="Rust has no type for d"):
        run("-i d", "let x = 1;", d={})


@needs_rust
def test_rust_differentiates_and_may_have_a_main(capfd):
    names = run("-i w -o g", "let y = (&w * &w).sum(); y.backward(); let g = w.grad();",
                w=rustorch.tensor([1.0, 3.0], requires_grad=True))
    assert names["g"].tolist() == [2.0, 6.0]
    run("", 'fn twice(x: f64) -> f64 { 2.0 * x }\nfn main() { print!("{}", twice(1.5)); }')
    assert capfd.readouterr().out == "3"
    w = rustorch.ones(2, requires_grad=True)
    x = rustorch.ones(2)
    y = w * x
    run("-i x", "let mut x = x; x.as_mut_slice::<f32>()[0] = 3.0;", x=x)
    with pytest.raises(RuntimeError, match="overwritten in place"):
        y.sum().backward()
