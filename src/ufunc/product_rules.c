/* product_rules: gradients of prod and cumprod that hold where elements are 0, to every order: products of all
 * elements but one are made by multiplying, never by dividing.  They cost more than the rules in
 * reduce_backward.c and scan_backward.c, which are used where they suffice.  Floor: ufunc. */
#include "core/shape.h"
#include "ufunc/reduce.h"
#include "ufunc/views.h"

int rt_any_true(rt_tensor *t)
{
    rt_params p;
    rt_params_begin(&p);
    p.n[0] = -1;
    rt_tensor *any = rt_apply1p(RT_OP_any, t, &p);
    const int found = any ? *(const uint8_t *)any->data : -1;
    Py_XDECREF(any);
    return found;
}

static rt_tensor *reshaped(rt_tensor *t, int ndim, const intptr_t *shape)
{
    rt_params p;
    rt_params_begin(&p);
    rt_params_push(&p, 0, ndim, shape);
    return t ? rt_apply1p(RT_OP_reshape, t, &p) : NULL;
}

static rt_tensor *with_dim(rt_tensor *t, int dim)
{
    rt_params p;
    rt_params_begin(&p);
    p.i[0] = dim;
    return rt_apply1p(RT_OP_unsqueeze, t, &p);
}

static rt_tensor *conjugate(rt_tensor *x)
{
    if (rt_dtype_is_complex((rt_dtype)x->dtype)) return rt_apply1(RT_OP_conj, x);
    return (rt_tensor *)Py_NewRef((PyObject *)x);
}

static rt_tensor *choose(rt_tensor *c, rt_operand a, rt_operand b)
{
    rt_operand in[3] = {rt_operand_of(c), a, b};
    rt_tensor *out = NULL;
    return rt_op_apply(&rt_ops[RT_OP_where], 3, in, NULL, &out) < 0 ? NULL : out;
}

typedef enum { PAIR_UP_TO, PAIR_EQUAL, PAIR_FROM } relation;

/* bool (1, .., n, n, .., 1), the two at dim: is k (the first) <=, ==, >= j (the second)? */
static rt_tensor *pairs(int ndim, int dim, intptr_t n, relation r, rt_device device)
{
    intptr_t shape[RT_MAX_NDIM];
    for (int d = 0; d < ndim; d++) shape[d] = d == dim || d == dim + 1 ? n : 1;
    rt_tensor *t = rt_zeros(RT_b1, ndim, shape, device);
    for (intptr_t k = 0; t && k < n; k++)
        for (intptr_t j = 0; j < n; j++)
            ((uint8_t *)t->data)[k * n + j] = r == PAIR_UP_TO ? k <= j : r == PAIR_FROM ? k >= j : k == j;
    return t;
}

/* With P[k][j] the running product at j with element k left out: sum over j of g[j] conj(P[k][j]). */
rt_tensor *rt_cumprod_gradient(rt_tensor *x, rt_tensor *g, int dim, int reverse)
{
    enum { WIDE, EYE, ONES, PRODUCTS, BEHIND, CONJ, KEPT, GWIDE, TERMS, COUNT };
    rt_tensor *t[COUNT] = {NULL}, *result = NULL;
    rt_params p;
    const intptr_t dims[1] = {dim + 1};
    if (x->ndim == 0) return (rt_tensor *)Py_NewRef((PyObject *)g);
    const intptr_t n = x->shape[dim];
    const rt_device device = x->storage->device;
    if (!(t[WIDE] = with_dim(x, dim)) || !(t[EYE] = pairs(x->ndim + 1, dim, n, PAIR_EQUAL, device))) goto done;
    if (!(t[ONES] = choose(t[EYE], rt_operand_int(1), rt_operand_of(t[WIDE])))) goto done;
    rt_params_begin(&p);
    p.i[0] = dim + 1;
    p.i[1] = RT_NODTYPE;
    p.i[2] = reverse;
    if (!(t[PRODUCTS] = rt_apply1p(RT_OP_cumprod, t[ONES], &p)) || !(t[CONJ] = conjugate(t[PRODUCTS]))) goto done;
    if (!(t[BEHIND] = pairs(x->ndim + 1, dim, n, reverse ? PAIR_FROM : PAIR_UP_TO, device))) goto done;
    if (!(t[KEPT] = choose(t[BEHIND], rt_operand_of(t[CONJ]), rt_operand_int(0)))) goto done;
    if (!(t[GWIDE] = with_dim(g, dim)) || !(t[TERMS] = rt_apply2(RT_OP_mul, t[KEPT], t[GWIDE]))) goto done;
    rt_params_begin(&p);
    rt_params_push(&p, 0, 1, dims);
    p.i[1] = RT_NODTYPE;
    result = rt_apply1p(RT_OP_sum, t[TERMS], &p);
done:
    for (int k = 0; k < COUNT; k++) Py_XDECREF(t[k]);
    return result;
}

/* The running products of each row's other elements: of those before, or behind. */
static rt_tensor *exclusive(rt_tensor *rows, int behind)
{
    const intptr_t n = rows->shape[1], shape[2] = {rows->shape[0], 1};
    rt_tensor *ones = rt_zeros((rt_dtype)rows->dtype, 2, shape, rows->storage->device), *others = NULL, *result = NULL;
    rt_tensor *joined[2] = {NULL, NULL};
    const rt_operand one = rt_operand_int(1);
    rt_params p;
    if (!ones || rt_fill(ones, &one) < 0) goto done;
    rt_params_begin(&p);
    p.i[0] = 1;
    p.i[1] = behind;
    p.i[2] = n - 1;
    if (!(others = rt_apply1p(RT_OP_narrow, rows, &p))) goto done;
    rt_operand in[2] = {rt_operand_of(behind ? others : ones), rt_operand_of(behind ? ones : others)};
    rt_params_begin(&p);
    p.i[0] = 1;
    if (rt_op_apply(&rt_ops[RT_OP_cat], 2, in, &p, joined) < 0) goto done;
    p.i[1] = RT_NODTYPE;
    p.i[2] = behind;
    result = rt_apply1p(RT_OP_cumprod, joined[0], &p);
done:
    Py_XDECREF(ones);
    Py_XDECREF(others);
    Py_XDECREF(joined[0]);
    Py_XDECREF(joined[1]);
    return result;
}

rt_tensor *rt_prod_gradient(rt_tensor *x, rt_tensor *g, uint32_t mask)
{
    enum { MOVED, ROWS, BEFORE, BEHIND, OTHERS, CONJ, G, TERMS, SHAPED, COUNT };
    rt_tensor *t[COUNT] = {NULL}, *result = NULL;
    intptr_t order[RT_MAX_NDIM], back[RT_MAX_NDIM], shape[RT_MAX_NDIM], flat[2] = {1, 1};
    rt_params p;
    int n = 0;
    for (int folded = 0; folded < 2; folded++)
        for (int d = 0; d < x->ndim; d++) {
            if ((int)(mask >> d & 1) != folded) continue;
            flat[folded] *= shape[n] = x->shape[d];
            back[d] = n;
            order[n++] = d;
        }
    const intptr_t column[2] = {flat[0], 1};
    rt_params_begin(&p);
    rt_params_push(&p, 0, n, order);
    if (!(t[MOVED] = rt_apply1p(RT_OP_permute, x, &p)) || !(t[ROWS] = reshaped(t[MOVED], 2, flat))) goto done;
    if (!(t[BEFORE] = exclusive(t[ROWS], 0)) || !(t[BEHIND] = exclusive(t[ROWS], 1))) goto done;
    if (!(t[OTHERS] = rt_apply2(RT_OP_mul, t[BEFORE], t[BEHIND])) || !(t[CONJ] = conjugate(t[OTHERS]))) goto done;
    if (!(t[G] = reshaped(g, 2, column)) || !(t[TERMS] = rt_apply2(RT_OP_mul, t[CONJ], t[G]))) goto done;
    if (!(t[SHAPED] = reshaped(t[TERMS], n, shape))) goto done;
    rt_params_begin(&p);
    rt_params_push(&p, 0, n, back);
    result = rt_apply1p(RT_OP_permute, t[SHAPED], &p);
done:
    for (int k = 0; k < COUNT; k++) Py_XDECREF(t[k]);
    return result;
}
