/* number: Python's operators on tensors: each is its row of the op table.  Floor: python. */
#include "python/number.h"
#include "core/error.h"
#include "core/shape.h"
#include "python/convert.h"
#include "python/dialect.h"
#include "python/function.h"
#include "ufunc/apply.h"

/* NotImplemented again, or where a is an array without dimensions and b no operand of ours (a sparse matrix), what
 * NumPy's scalar of a's value and b make of it. */
static PyObject *as_scalar(PyObject *answer, PyObject *a, PyObject *b, binaryfunc operator)
{
    if (answer != Py_NotImplemented || !rt_array_is_scalar(a) || rt_tensor_requires_grad((rt_tensor *)a) || b == Py_None)
        return answer;
    Py_DECREF(answer);
    PyObject *array = PyObject_CallMethod(a, "numpy", NULL), *none = array ? PyTuple_New(0) : NULL;
    PyObject *value = none ? PyObject_GetItem(array, none) : NULL, *result = value ? operator(value, b) : NULL;
    Py_XDECREF(array);
    Py_XDECREF(none);
    Py_XDECREF(value);
    return result;
}

#define BINARY_SLOT(slot, row, operator) \
    static PyObject *slot(PyObject *a, PyObject *b) \
    { return as_scalar(rt_function_binary(&rt_ops[RT_OP_##row], a, b), a, b, operator); } \
    static PyObject *inplace_##slot(PyObject *a, PyObject *b) { return inplace(&rt_ops[RT_OP_##row], a, b); }
#define UNARY_SLOT(slot, row) \
    static PyObject *slot(PyObject *a) { return (PyObject *)rt_apply1(RT_OP_##row, (rt_tensor *)a); }

static PyObject *inplace(const rt_op *op, PyObject *a, PyObject *b)
{
    rt_operand in[2] = {rt_operand_of((rt_tensor *)a)};
    rt_tensor *out[4] = {(rt_tensor *)a, NULL, NULL, NULL};
    PyObject *owned = NULL;
    if (b == Py_None || rt_array_is_scalar(a)) Py_RETURN_NOTIMPLEMENTED;
    rt_dtype_rules before;
    const int numpy = rt_dialect_enter(a, b, &before);
    int status = rt_convert_operand(b, &in[1], &owned);
    if (status == 0) status = rt_op_apply(op, 2, in, NULL, out);
    else if (status < 0) rt_error_argument(op->cls.name, "y");
    if (numpy) rt_dtype_rules_restore(before);
    Py_XDECREF(owned);
    if (status == 1) Py_RETURN_NOTIMPLEMENTED;
    return status < 0 ? NULL : Py_NewRef(a);
}

BINARY_SLOT(add, add, PyNumber_Add)
BINARY_SLOT(subtract, sub, PyNumber_Subtract)
BINARY_SLOT(multiply, mul, PyNumber_Multiply)
BINARY_SLOT(true_divide, div, PyNumber_TrueDivide)

/* Of arrays the standard's quotient, which is infinite where x / y is; of Tensors PyTorch's, which is Python's. */
static const rt_op *quotient(PyObject *a, PyObject *b)
{
    return &rt_ops[rt_array_check(a) || rt_array_check(b) ? RT_OP_floor_quotient : RT_OP_floor_divide];
}
static PyObject *floor_divide(PyObject *a, PyObject *b)
{
    return as_scalar(rt_function_binary(quotient(a, b), a, b), a, b, PyNumber_FloorDivide);
}
static PyObject *inplace_floor_divide(PyObject *a, PyObject *b) { return inplace(quotient(a, b), a, b); }

BINARY_SLOT(modulo, remainder, PyNumber_Remainder)
BINARY_SLOT(and, bitwise_and, PyNumber_And)
BINARY_SLOT(or, bitwise_or, PyNumber_Or)
BINARY_SLOT(xor, bitwise_xor, PyNumber_Xor)
BINARY_SLOT(lshift, bitwise_left_shift, PyNumber_Lshift)
BINARY_SLOT(rshift, bitwise_right_shift, PyNumber_Rshift)
BINARY_SLOT(matmul, matmul, PyNumber_MatrixMultiply)
UNARY_SLOT(negative, neg)
UNARY_SLOT(absolute, abs)
UNARY_SLOT(invert, bitwise_not)

static PyObject *positive(PyObject *a) { return Py_NewRef(a); }

static PyObject *power(PyObject *a, PyObject *b, PyObject *mod)
{
    if (mod != Py_None) Py_RETURN_NOTIMPLEMENTED;
    return rt_function_binary(&rt_ops[RT_OP_pow], a, b);
}

static PyObject *inplace_power(PyObject *a, PyObject *b, PyObject *mod)
{
    if (mod != Py_None) Py_RETURN_NOTIMPLEMENTED;
    return inplace(&rt_ops[RT_OP_pow], a, b);
}

static PyObject *divmod_slot(PyObject *a, PyObject *b)
{
    PyObject *q = rt_function_binary(&rt_ops[RT_OP_floor_divide], a, b), *r = NULL, *pair = NULL;
    if (!q || q == Py_NotImplemented) return q;
    r = modulo(a, b);
    if (r) pair = PyTuple_Pack(2, q, r);
    Py_DECREF(q);
    Py_XDECREF(r);
    return pair;
}

/* The one element of t as a Python number. */
static PyObject *single(PyObject *self, const char *what)
{
    rt_tensor *t = (rt_tensor *)self;
    char text[RT_SHAPE_TEXT];
    if (t->size != 1) {
        PyErr_Format(rt_TensorError, "%s needs a tensor of one element, not of shape %s", what,
                     rt_shape_text(t->ndim, t->shape, text));
        return NULL;
    }
    return rt_convert_item((rt_dtype)t->dtype, t->data);
}

static int boolean(PyObject *self)
{
    rt_tensor *t = (rt_tensor *)self;
    char text[RT_SHAPE_TEXT];
    if (t->size != 1) {
        PyErr_Format(rt_TensorError, "the truth value of a tensor of shape %s is ambiguous; use .any() or .all()",
                     rt_shape_text(t->ndim, t->shape, text));
        return -1;
    }
    PyObject *v = rt_convert_item((rt_dtype)t->dtype, t->data);
    int truth = v ? PyObject_IsTrue(v) : -1;
    Py_XDECREF(v);
    return truth;
}

static PyObject *to_int(PyObject *self)
{
    PyObject *v = single(self, "int()"), *r = v ? PyNumber_Long(v) : NULL;
    Py_XDECREF(v);
    return r;
}

static PyObject *to_float(PyObject *self)
{
    PyObject *v = single(self, "float()"), *r = v ? PyNumber_Float(v) : NULL;
    Py_XDECREF(v);
    return r;
}

static PyObject *to_index(PyObject *self)
{
    rt_tensor *t = (rt_tensor *)self;
    if (t->size != 1 || rt_dtype_kind((rt_dtype)t->dtype) > RT_KIND_SIGNED) {
        PyErr_SetString(PyExc_TypeError, "only integer tensors of a single element can be used as an index");
        return NULL;
    }
    PyObject *v = rt_convert_item((rt_dtype)t->dtype, t->data), *r = v ? PyNumber_Long(v) : NULL;
    Py_XDECREF(v);
    return r;
}

PyNumberMethods rt_number_methods = {
    .nb_add = add, .nb_subtract = subtract, .nb_multiply = multiply, .nb_true_divide = true_divide,
    .nb_floor_divide = floor_divide, .nb_remainder = modulo, .nb_power = power, .nb_divmod = divmod_slot,
    .nb_and = and, .nb_or = or, .nb_xor = xor, .nb_lshift = lshift, .nb_rshift = rshift, .nb_matrix_multiply = matmul,
    .nb_negative = negative, .nb_positive = positive, .nb_absolute = absolute, .nb_invert = invert,
    .nb_bool = boolean, .nb_int = to_int, .nb_float = to_float, .nb_index = to_index,
    .nb_inplace_add = inplace_add, .nb_inplace_subtract = inplace_subtract, .nb_inplace_multiply = inplace_multiply,
    .nb_inplace_true_divide = inplace_true_divide, .nb_inplace_floor_divide = inplace_floor_divide,
    .nb_inplace_remainder = inplace_modulo, .nb_inplace_power = inplace_power, .nb_inplace_and = inplace_and,
    .nb_inplace_or = inplace_or, .nb_inplace_xor = inplace_xor, .nb_inplace_lshift = inplace_lshift,
    .nb_inplace_rshift = inplace_rshift, .nb_inplace_matrix_multiply = inplace_matmul,
};

PyObject *rt_number_compare(PyObject *a, PyObject *b, int how)
{
    static const rt_op_index rows[] = {
        [Py_LT] = RT_OP_lt, [Py_LE] = RT_OP_le, [Py_EQ] = RT_OP_eq, [Py_NE] = RT_OP_ne, [Py_GT] = RT_OP_gt, [Py_GE] = RT_OP_ge,
    };
    return rt_function_binary(&rt_ops[rows[how]], a, b);
}
