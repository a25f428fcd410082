"""What is done with c_api_specimens.c: run in a process of its own by test_c_api.py, which names the function, because
an op that was added stays for the life of the process."""
import gc
import os
import sys

import c_api_specimens as c
import numpy as np

import rustorch as rt

DTYPES = ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float16", "bfloat16",
          "float32", "float64", "complex64", "complex128")
F64 = DTYPES.index("float64")


def raises(kind, text, f, *args, **keywords):
    try:
        f(*args, **keywords)
    except kind as error:
        assert text in str(error), str(error)
        return
    raise AssertionError(f"{kind.__name__} was not raised")


def test_facts():
    for number, name in enumerate(DTYPES):
        t = c.make(number, (2, 0, 3), 1)
        assert str(t.dtype) == name and t.shape == (2, 0, 3) and c.facts(t)[1] == number
        assert c.make(number, (2, 3), 1).tolist() == rt.zeros(2, 3, dtype=name).tolist()
    a = np.arange(24.0).reshape(2, 3, 4)[:, ::-1, ::2]
    t = rt.asarray(a)
    assert c.facts(t) == (a.ctypes.data, F64, (2, 3, 2), a.strides, 12, 0, 0, 8)
    assert c.facts(rt.ones(3).requires_grad_())[5] == 2 | 4
    assert c.facts(rt.asarray(np.broadcast_to(np.float32(1), (2,))))[5] & 1
    assert c.facts(rt.numpy.ones(3))[4] == 3 and c.facts(3) is None and c.facts(a) is None
    errors = rt.RusTorchError, rt.TensorError, rt.ShapeMismatchError, rt.DtypeError, rt.DeviceError
    assert c.exceptions() == (rt.Tensor, *errors)
    for wrong in (-2, -1, 15, 10**6):
        raises(ValueError, "is the number of no dtype", c.make, wrong, (2,), 0)
    raises(ValueError, "33 dimensions", c.make, F64, (1,) * 33, 0)
    raises(ValueError, "", c.make, F64, (-1,), 0)
    raises(ValueError, "", c.make, F64, (2**62, 2**62), 1)
    raises(MemoryError, "", c.make, F64, (2**50,), 0)


def test_wrapped_memory():
    before = c.released()
    t = c.wrap(F64, (4, 4), None, 0, 0)
    assert t.tolist() == np.arange(16.0).reshape(4, 4).tolist()
    t[0, 0] = 7
    row = t[0]
    del t
    assert c.released() == before and row.tolist() == [7, 1, 2, 3]
    del row
    assert c.released() == before + 1
    turned = c.wrap(F64, (4, 2), (-32, 8), 1, 96)
    assert turned.tolist() == [[12, 13], [8, 9], [4, 5], [0, 1]] and turned.readonly
    del turned
    assert c.wrap(F64, (3, 2), (0, 8), 0, 8).tolist() == [[1, 2]] * 3 and c.released() == before + 3
    assert c.wrap(F64, (0,), None, 0, 0).shape == (0,) and c.wrap(F64, (), None, 0, 8).item() == 1
    n = c.released()
    raises(ValueError, "no dtype", c.wrap, 44, (1,), None, 0, 0)
    raises(ValueError, "dimensions", c.wrap, F64, (1,) * 40, None, 0, 0)
    raises(ValueError, "", c.wrap, F64, (-3,), None, 0, 0)
    raises(ValueError, "outside all memory", c.wrap, F64, (2**40,), (2**40,), 0, 0)
    raises(BufferError, "aligned", c.wrap, F64, (1,), None, 0, 3)
    assert c.released() == n + 5                        # the owner is given back also where it fails
    k = c.wrap_constant()
    assert k.tolist() == [1.5, 2.5]
    raises(ValueError, "read-only", k.add_, 1)


def test_conversions_and_calls():
    a = np.arange(3)
    t = c.as_tensor(a, -1)
    assert (t.data_ptr() == a.ctypes.data and c.as_tensor(t, -1) is t) or c.as_tensor(t, -1).data_ptr() == a.ctypes.data
    assert c.as_tensor([1, 2.5], F64).tolist() == [1.0, 2.5]
    raises(TypeError, "", c.as_tensor, object(), -1)
    raises(ValueError, "no dtype", c.as_tensor, a, 99)
    x = rt.ones(2, 3, requires_grad=True)
    assert c.contiguous(x) is x and c.cast(x, DTYPES.index("float32")) is x
    y = c.contiguous(c.cast(x, F64).T)
    y.sum().backward()
    assert x.grad.tolist() == [[1.0] * 3] * 2
    raises(ValueError, "no dtype", c.cast, x, -1)
    z = c.call("mul", (x, 3.0))
    assert z.requires_grad and z.tolist() == [[3.0] * 3] * 2
    raises(AttributeError, "no_such_function", c.call, "no_such_function", ())
    raises(rt.ShapeMismatchError, "", c.call, "matmul", (x, x))


def test_writing():
    x, w = rt.ones(1000, dtype="float64"), rt.ones(1000, dtype="float64", requires_grad=True)
    for grain in (1, 7, 10**6, 0, -1):
        c.double_in_place(x, grain)
    assert x.tolist() == [32.0] * 1000
    c.double_in_place(x[:0], 1)
    y = w * x
    c.double_in_place(x, 100)
    raises(RuntimeError, "overwritten in place by 'C code'", y.sum().backward)
    raises(RuntimeError, "leaf", c.double_in_place, w, 1)
    raises(RuntimeError, "no gradient can follow", c.double_in_place, w * 1, 1)
    raises(RuntimeError, "share one place", c.double_in_place, rt.ones(1, dtype="float64").expand(4), 1)
    raises(ValueError, "read-only", c.double_in_place, c.wrap_constant(), 1)
    with rt.no_grad():
        c.double_in_place(w, 1)
    assert w[3] == 2
    assert c.double_in_place(x, 1) == rt.get_num_threads()


def rows():
    return [row["name"] for row in rt._C.op_table()]


def test_malformed_registrations():
    good = dict(name="fine", signature="x", loops=0)
    before = rows()
    for wrong, text in (
        (dict(name=None), "a name is made of"), (dict(name=""), "a name"), (dict(name="Fine"), "a name"),
        (dict(name="_fine"), "a name"), (dict(name="fine_"), "a name"), (dict(name="a" * 32), "a name"),
        (dict(name="fine-op"), "a name"), (dict(name="lambda"), "taken by Python"), (dict(name="exp"), "another op"),
        (dict(name="zeros"), "rustorch.zeros"), (dict(name="nn"), "rustorch.nn"), (dict(name="shape"), "Tensor.shape"),
        (dict(name="requires_grad"), "Tensor.requires_grad"),
        (dict(signature=None), "no signature"), (dict(signature=""), "1 to 3 operands"),
        (dict(signature="x, y, z, u"), "1 to 3 operands"), (dict(signature="x:nonsense"), "cannot read the signature"),
        (dict(signature="x:int"), "operand, not so x"), (dict(signature="x, x"), "two arguments are called x"),
        (dict(signature="x, out"), "no name for an argument: out"), (dict(signature="x,,"), "no name for an argument"),
        (dict(signature="1"), "no name"), (dict(signature="x, y=z"), "cannot read"),
        (dict(signature="x -> 1"), "no signature"), (dict(signature="x" + ", y" * 500), "no signature"),
        (dict(signature="x, " + "y" * 23), "no name for an argument"),
        (dict(loops=1), "two for one dtype"), (dict(loops=2), "dtype is wrong"), (dict(loops=3), "no loops"),
        (dict(loops=-1), "give loops, or forward"), (dict(forward=1), "give loops, or forward"),
        (dict(backward=1), "give loops, or forward"), (dict(flags=64), "nobody knows"),
        (dict(flags=-1), "nobody knows"),
        (dict(size=0), "sizeof(rustorch_op)"), (dict(size=10**6), "sizeof(rustorch_op)"),
        (dict(gradient=("g *", None, None)), "cannot read the derivative"),
        (dict(gradient=("", None, None)), "cannot read the derivative"),
        (dict(gradient=("g * nonsense(x)", None, None)), "cannot read the derivative"),
        (dict(gradient=("g * sin(x, x)", None, None)), "cannot read the derivative"),
        (dict(gradient=("g * y", None, None)), "an operand that is not there"),
        (dict(gradient=("g", "g", None)), "belongs to no operand"),
        (dict(gradient=("g" + "+g" * 600, None, None)), "too long"),
        (dict(gradient=("g" + "+g" * 300, None, None)), "cannot read"),
        (dict(gradient=("(" * 900, None, None)), "cannot read"),
        (dict(loops=-1, forward=1, nout=5), "1 to 4 results"), (dict(loops=-1, forward=1, nout=-1), "1 to 4 results"),
        (dict(loops=-1, forward=1, flags=8), "there is none"), (dict(loops=-1, forward=1, flags=32), "there is none"),
        (dict(loops=-1, forward=1, backward=1, gradient=("g", None, None)), "no backward function"),
        (dict(loops=-1, forward=1, nout=2, gradient=("g", None, None)), "with one result"),
        (dict(loops=-1, forward=1, signature="k:int"), "1 to 8 tensors"),
        (dict(loops=-1, forward=1, signature="x:tensors, y:tensors"), "at most one"),
        (dict(loops=-1, forward=1, signature="x, a:int, b:int, c:int, d:int, e:int, f:int, g:int"), "6 integers"),
        (dict(loops=-1, forward=1, signature="x, a:ints, b:ints, c:ints, d:ints, e:ints"), "4 lists"),
        (dict(loops=-1, forward=1, signature="x, m:a|b|c|d|e|f|g|h|i"), "cannot read the signature"),
        *((dict(loops=-1, forward=1, signature="x, m:" + text), "no default for such an argument: m") for text in (
            "a|b=7", "a|b=-1", "a|b=nan", "int=1e300", "int=nan", "int=None", "ints=inf", "bool=None", "dtype=3",
            "tensor?=2", "tensors=0")),
        (dict(loops=-1, forward=1, signature="a,b,c,d,e,f,g,h,i,j,k,l,m"), "cannot read the signature"),
    ):
        raises(ValueError, text, c.register, **{**good, **wrong})
        assert rows() == before and not hasattr(rt, "fine") and "fine" not in rt._C.ops
    c.register(**good)
    raises(ValueError, "taken by another op", c.register, **good)
    assert rows() == [*before, "fine"] and rt.fine(2.0) == 2


def test_functions_that_misbehave():
    for number, kind, text in (
        (2, SystemError, "without an exception"), (3, SystemError, "result 0 was not made"), (4, KeyError, "loud"),
        (5, RuntimeError, "made already"), (6, IndexError, "number of no result"), (7, ValueError, "no such dtype"),
        (9, TypeError, "must be a tensor, not int"), (8, SystemError, "without an exception"),
    ):
        name = f"bad{number}"
        c.register(name=name, signature="x", forward=number)
        raises(kind, text, getattr(rt, name), rt.ones(3))
        out = rt.zeros(3)
        raises(kind, text, getattr(rt, name), rt.ones(3), out=out)
    w = rt.ones(3, dtype="float64", requires_grad=True)
    for number, kind, text in (
        (2, SystemError, "without an exception"), (4, KeyError, "loud"), (6, TypeError, "must be a tensor, not int"),
        (7, RuntimeError, ""), (8, RuntimeError, "only for forward"),
    ):
        name = f"worse{number}"
        c.register(name=name, signature="x", forward=1, backward=number)
        raises(kind, text, getattr(rt, name)(w).sum().backward)
    c.register(name="careless", signature="x", forward=1, backward=3)
    w.grad = None
    rt.careless(w).sum().backward()
    assert w.grad is None or not w.grad.any()


def test_results():
    c.register(name="given", signature="x", forward=10)
    c.register(name="exponential", signature="x", forward=11, backward=9, flags=16 | 32)
    x = rt.ones(3, dtype="float64")
    y = rt.given(x)
    assert y is not x and y.data_ptr() != x.data_ptr() and y.tolist() == x.tolist()
    out = rt.zeros(3)
    assert rt.given(x, out=out) is out and out.tolist() == [1.0] * 3
    raises(rt.ShapeMismatchError, "wrong shape", rt.given, x, out=rt.zeros(2, 2))
    w = rt.asarray(np.array([0.5, -1.0])).requires_grad_()
    assert rt.autograd.gradcheck(rt.exponential, (w,)) and rt.autograd.gradgradcheck(rt.exponential, (w,))
    assert rt.exponential(w, out=None).requires_grad
    # results of several kinds, and every kind of argument
    c.register(name="tell", nout=2, forward=12, signature="x, y:tensor?=None, n:int=3, m:int?=None, how:low|high=high, "
               "a:float=0.5, b:float=2, dims:ints=1, *, size:ints?=None")
    kinds, rest = rt.tell(rt.ones(2))
    assert kinds.tolist() == [DTYPES.index("float32"), -1]
    assert rest.tolist()[:11] == [3, -1000, 1, 0.5, 2, 0, 1, -1, 0, 1, 0]
    kinds, rest = rt.tell(rt.ones(2, dtype="float16"), 2.5, 7, m=8, how="low", a=1.5, dims=(4, 5), size=[6, 7])
    assert kinds.tolist() == [DTYPES.index("float16")] * 2
    assert rest.tolist()[:13] == [7, 8, 0, 1.5, 2, 0, 2, 2, 0, 4, 5, 6, 7]
    assert rt.tell(1.0, True)[0].tolist() == [DTYPES.index("float32"), 0]
    raises(TypeError, "unexpected keyword", rt.tell, x, nonsense=1)
    raises(ValueError, "must be one of low, high", rt.tell, x, how="none")
    raises(TypeError, "missing argument 'x'", rt.tell)
    a, b = rt.zeros(1, dtype="int64"), rt.zeros(16, dtype="float64")
    raises(rt.ShapeMismatchError, "wrong shape", rt.tell, x, out=(a, b))
    c.register(name="many", nout=2, forward=12, signature="tensors:tensors, n:int=1")
    assert rt.many([rt.ones(1)] * 20)[0].shape == (20,)


def test_backward_by_hand():
    c.register(name="by_hand", signature="x", forward=1, backward=1, flags=8)
    c.register(name="passed_on", signature="x", forward=1, backward=5)
    w = rt.asarray(np.array([1.0, 2.0])).requires_grad_()
    (g,) = rt.autograd.grad(rt.by_hand(w).sum(), w)
    assert g.tolist() == [3.0, 6.0] and not g.requires_grad
    # twice: an error, never a wrong 0
    (g,) = rt.autograd.grad(rt.by_hand(w).sum(), w, create_graph=True)
    assert g.tolist() == [3.0, 6.0] and g.requires_grad
    raises(RuntimeError, "by_hand: its backward is C code that cannot be differentiated again", g.sum().backward)
    v = rt.ones(2, dtype="float64", requires_grad=True)
    (g,) = rt.autograd.grad(rt.passed_on(w), w, v, create_graph=True)
    assert v.requires_grad and v.grad_fn is None and g.tolist() == [1.0, 1.0]
    raises(RuntimeError, "passed_on: its backward is C code", g.sum().backward)
    # what was saved and then overwritten
    x = w * 1
    y = rt.by_hand(x)
    x.mul_(2)
    raises(RuntimeError, "overwritten in place", y.sum().backward)


def test_loops():
    c.register(name="tripled", signature="x", loops=0, data=1, flags=1, gradient=("3 * g", None, None))
    x = rt.arange(5)
    assert rt.tripled(x).tolist() == [0, 3, 6, 9, 12] and rt.tripled(x).dtype == np.float32     # computed in float64
    assert rt.ufunc.tripled(np.arange(5.0)).tolist() == [0, 3, 6, 9, 12]
    big = rt.asarray(np.random.default_rng(0).normal(size=(300, 401)))
    np.testing.assert_array_equal(rt.tripled(big.T), 3 * big.numpy().T)
    np.testing.assert_array_equal(big.tripled(out=rt.empty(300, 401)), (3 * big.numpy()).astype("float32"))
    w = rt.asarray(np.array([1.0, 2.0])).requires_grad_()
    assert rt.autograd.gradcheck(rt.tripled, (w,)) and rt.tripled_ and "tripled_" in dir(rt.Tensor)
    y = w.clone().tripled_()
    y.sum().backward()
    assert w.grad.tolist() == [3.0, 3.0]
    c.register(name="summed", signature="x, y=5", loops=4)
    assert rt.summed(rt.arange(3)).tolist() == [5, 6, 7]
    assert rt.summed(rt.arange(3, dtype="int8"), rt.ones(2, 1, dtype="int8")).dtype == np.int8
    raises(TypeError, "float32", rt.summed, rt.ones(2))
    raises(TypeError, "bool", rt.summed, rt.ones(2, dtype="bool"), True)
    c.register(name="above", signature="x, y", loops=5, flags=2)
    assert rt.above(rt.arange(3), 1).tolist() == [False, False, True] and "above_" not in rt._C.ops
    # a general op with a derivative as a text, which calls an op that was added before
    c.register(name="copied", signature="x", forward=1, gradient=("tripled(g) / 3 + 0 * above(x, out)", None, None))
    assert rt.autograd.gradcheck(rt.copied, (w,)) and rt.autograd.gradgradcheck(rt.copied, (w,))
    c.register(name="again", signature="x", forward=1, gradient=("copied(g)", None, None))
    assert rt.autograd.gradcheck(rt.again, (w,)) and rt.autograd.gradgradcheck(rt.again, (w,))


def test_nothing_leaks():
    c.register(name="tripled", signature="x", loops=0, data=1, gradient=("3 * g", None, None))
    c.register(name="by_hand", signature="x", forward=1, backward=1, flags=8 | 16)
    c.register(name="sealed", signature="x", forward=1, backward=5)
    c.register(name="exponential", signature="x", forward=11, backward=9, flags=16 | 32)
    c.register(name="failing", signature="x", forward=4, backward=4)
    c.register(name="tell", nout=2, forward=12, signature="x, y:tensor?=None, dims:ints=1")
    c.register(name="worse", signature="x", forward=1, backward=6, flags=8)
    rt.plugins.register("derived", lambda x, k=2.0: x.exp() * k)
    rt.plugins.register("described", lambda x, m="a", *, n=(1,): x * 1, lambda g, x, m, n: g,
                        signature="x, m:a|b=a, *, n:ints=1")
    rt.plugins.register("wrong", lambda x: (x, 3), nout=2)
    w = rt.asarray(np.array([1.0, 2.0])).requires_grad_()
    out = rt.zeros(2)

    def turn():
        raises(TypeError, "", rt.wrong, w)
        raises(ValueError, "", rt.plugins.register, "derived", lambda x: x)
        rt.described(w, "b", n=(4, 5)).sum().backward()
        for f in (rt.tripled, rt.by_hand, rt.exponential, rt.sealed, rt.derived):
            f(w).sum().backward()
            rt.autograd.grad(f(w).sum(), w, create_graph=True)
            f(w.detach(), out=out)
        raises(KeyError, "loud", rt.failing, w)
        raises(KeyError, "loud", rt.failing, w.detach(), out=out)
        raises(TypeError, "", rt.worse(w).sum().backward)
        rt.tell(w, 2, dims=(1, 2))
        raises(ValueError, "", c.register, name="new", signature="x", loops=0, gradient=("g + y", None, None))
        raises(ValueError, "", c.register, name="exp", signature="x")
        c.call("mul", (c.wrap(F64, (4, 4), None, 0, 0), c.contiguous(c.cast(w, F64))[0]))
        raises(ValueError, "", c.wrap, 99, (1,), None, 0, 0)
        c.double_in_place(c.make(F64, (3,), 1), 1)
        w.grad = None

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    for _ in range(100):
        turn()
    gc.collect()
    before, live, objects = resident(), rt._C.memory_stats()["live_bytes"], len(gc.get_objects())
    for _ in range(1000):
        turn()
    gc.collect()
    assert rt._C.memory_stats()["live_bytes"] == live and len(gc.get_objects()) <= objects + 5
    if "libasan" not in os.environ.get("LD_PRELOAD", ""):
        assert resident() - before < 2_000_000


def test_failing_allocations():
    c.register(name="by_hand", signature="x", forward=1, backward=1, flags=8 | 16)
    c.register(name="exponential", signature="x", forward=11, backward=9, flags=16 | 32)
    w = rt.asarray(np.array([1.0, 2.0])).requires_grad_()
    for f in (rt.by_hand, rt.exponential):
        done = False
        for n in range(1, 60):
            rt._C.memory_fail_at(n)
            try:
                (g,) = rt.autograd.grad(f(w).sum(), w, create_graph=True)
                done = True
            except MemoryError:
                pass
            finally:
                rt._C.memory_fail_at(0)
        assert done
        np.testing.assert_allclose(g.detach(), 3 * w.detach() if f is rt.by_hand else w.detach().exp())


if __name__ == "__main__":
    globals()[sys.argv[1]]()
    print("passed")
