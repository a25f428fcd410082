/* linalg_factor: rows that take a matrix apart: Cholesky, LU, QR, Householder reflectors, LDL.
 * Floor: ufunc. */
#include "core/error.h"
#include "core/shape.h"
#include "core/view.h"
#include "ufunc/linalg_batch.h"

static rt_tensor *zeroed_info(const rt_tensor *x, int nbatch)
{
    rt_tensor *info = rt_linalg_empty(RT_i32, nbatch, x->shape, -1, -1);
    if (info) memset(info->data, 0, (size_t)info->size * sizeof(int32_t));
    return info;
}

static intptr_t smaller(intptr_t a, intptr_t b) { return a < b ? a : b; }
static double cube(intptr_t m, intptr_t n) { return (double)m * (double)n * (double)smaller(m, n); }

/* ---- Cholesky ------------------------------------------------------------------------ */

/* A Hermitian matrix read by rows is its conjugate read by columns: M = U^H U there is A = L L^H here. */
static int cholesky_one(const rt_linalg_job *job, char *const *operand)
{
    intptr_t n = job->n, item = (intptr_t)rt_itemsize(job->dtype);
    int upper = job->flag, info = rt_lapack_potrf(job->dtype, upper ? 'L' : 'U', n, operand[0]);
    for (intptr_t i = 0; i < n; i++) {
        char *row = operand[0] + i * n * item;
        if (upper) memset(row, 0, (size_t)(i * item));
        else memset(row + (i + 1) * item, 0, (size_t)((n - i - 1) * item));
    }
    return info;
}

FORWARD(linalg_cholesky)
{
    rt_tensor *x = rt_linalg_square(op, in, 0), *made[2];
    int status = -1;
    if (!x) return -1;
    int nbatch = x->ndim - 2;
    intptr_t n = x->shape[nbatch];
    rt_tensor *l = made[0] = rt_linalg_copy(x, nbatch, x->shape, 0);
    rt_tensor *info = made[1] = zeroed_info(x, nbatch);
    if (!l || !info) goto done;
    rt_linalg_job job = {.dtype = (rt_dtype)x->dtype, .n = n, .batch = n ? info->size : 0, .t = {l},
                         .info = (int32_t *)info->data, .flag = (char)p->i[0], .one = cholesky_one};
    if (rt_linalg_run(op, &job, cube(n, n) / 3) < 0) goto done;
    if (p->i[1] && rt_linalg_check(op, info, "the input is not positive-definite (the leading minor of order %d is not)") < 0)
        goto done;
    status = 0;
done:
    return rt_linalg_finish(op, out, 2, made, 0, status);
}

/* ---- LU ------------------------------------------------------------------------------ */

static int lu_one(const rt_linalg_job *job, char *const *operand)
{
    return rt_lapack_getrf(job->dtype, job->m, job->n, operand[0], (int32_t *)operand[1]);
}

FORWARD(linalg_lu_factor)
{
    rt_tensor *x = rt_linalg_operand(op, in, 0, 2), *made[3];
    int status = -1;
    if (!x) return -1;
    if (!p->i[0])
        return rt_error(PyExc_RuntimeError, rt_linalg_name(op), "LU without pivoting is not implemented on the CPU");
    int nbatch = x->ndim - 2;
    intptr_t m = x->shape[nbatch], n = x->shape[nbatch + 1];
    rt_tensor *lu = made[0] = rt_linalg_copy(x, nbatch, x->shape, 1);
    rt_tensor *pivots = made[1] = rt_linalg_empty(RT_i32, nbatch, x->shape, smaller(m, n), -1);
    rt_tensor *info = made[2] = zeroed_info(x, nbatch);
    if (!lu || !pivots || !info) goto done;
    rt_linalg_job job = {.dtype = (rt_dtype)x->dtype, .m = m, .n = n, .batch = m && n ? info->size : 0,
                         .t = {lu, pivots}, .info = (int32_t *)info->data, .one = lu_one};
    if (rt_linalg_run(op, &job, cube(m, n)) < 0) goto done;
    if (p->i[1] && rt_linalg_check(op, info, "diagonal element %d of U is zero: the matrix is singular") < 0) goto done;
    status = 0;
done:
    return rt_linalg_finish(op, out, 3, made, 1, status);
}

/* Row swaps, one after the other, as one permutation: row i of P^-1 x is row out[i] of x. */
FORWARD(linalg_lu_permutation)
{
    rt_tensor *pivots = rt_operand_tensor(op, in, 0), *packed = NULL, *order = NULL;
    int status = -1;
    if (!pivots) return -1;
    if ((rt_dtype)pivots->dtype != RT_i32 || pivots->ndim < 1)
        return rt_error(rt_TensorError, rt_linalg_name(op), "the pivots must be an int32 tensor of at least 1 dimension");
    int nbatch = pivots->ndim - 1;
    intptr_t count = pivots->shape[nbatch], rows = p->i[0];
    if (rows < 0) return rt_error(rt_TensorError, rt_linalg_name(op), "the number of rows is negative");
    packed = rt_copy_of(pivots);
    order = rt_linalg_empty(RT_i64, nbatch, pivots->shape, rows, -1);
    if (!packed || !order) goto done;
    const int32_t *swaps = (const int32_t *)packed->data;
    int64_t *at = (int64_t *)order->data;
    for (intptr_t e = rows ? order->size / rows : 0; e > 0; e--, at += rows, swaps += count) {
        for (intptr_t i = 0; i < rows; i++) at[i] = i;
        for (intptr_t i = 0; i < count; i++) {
            intptr_t j = swaps[i] - 1;
            if (i >= rows || j < 0 || j >= rows) {
                rt_error(rt_TensorError, rt_linalg_name(op), "pivot %d is not between 1 and %zd", (int)swaps[i], (Py_ssize_t)rows);
                goto done;
            }
            int64_t held = at[i];
            at[i] = at[j];
            at[j] = held;
        }
    }
    status = rt_linalg_give(op, out, 0, order, 0);
    order = NULL;
done:
    Py_XDECREF((PyObject *)packed);
    Py_XDECREF((PyObject *)order);
    return status;
}

/* ---- QR ------------------------------------------------------------------------------ */

/* operand 0: (m, columns of Q) with A in its first n columns; 1: R, by columns (k, n); 2: tau. */
static int qr_one(const rt_linalg_job *job, char *const *operand)
{
    intptr_t m = job->m, n = job->n, k = job->k, item = (intptr_t)rt_itemsize(job->dtype);
    intptr_t reflectors = smaller(m, n);
    int info = rt_lapack_geqrf(job->dtype, m, n, operand[0], operand[2]);
    if (info) return info;
    for (intptr_t j = 0; j < n; j++) {
        intptr_t filled = smaller(j + 1, k);
        memcpy(operand[1] + j * k * item, operand[0] + j * m * item, (size_t)(filled * item));
        memset(operand[1] + (j * k + filled) * item, 0, (size_t)((k - filled) * item));
    }
    return job->flag ? 0 : rt_lapack_ungqr(job->dtype, m, k, reflectors, operand[0], operand[2]);
}

/* x by columns, in the first columns of a (columns, m) tensor of zeros. */
static rt_tensor *padded_columns(const rt_tensor *x, intptr_t columns)
{
    int nbatch = x->ndim - 2;
    intptr_t m = x->shape[nbatch], n = x->shape[nbatch + 1];
    if (columns <= n) return rt_linalg_copy(x, nbatch, x->shape, 1);
    rt_tensor *wide = rt_linalg_empty((rt_dtype)x->dtype, nbatch, x->shape, columns, m);
    rt_tensor *narrow = rt_linalg_copy(x, nbatch, x->shape, 1);
    if (wide && narrow) {
        size_t item = rt_tensor_itemsize(x), used = (size_t)(n * m) * item, whole = (size_t)(columns * m) * item;
        intptr_t count = rt_linalg_count(x, 2);
        for (intptr_t e = 0; e < count; e++) {
            memcpy(wide->data + (size_t)e * whole, narrow->data + (size_t)e * used, used);
            memset(wide->data + (size_t)e * whole + used, 0, whole - used);
        }
    } else {
        Py_CLEAR(wide);
    }
    Py_XDECREF((PyObject *)narrow);
    return wide;
}

/* The first k columns of every matrix of q, which lies by columns. */
static rt_tensor *first_columns(rt_tensor *q, intptr_t k)
{
    int nbatch = q->ndim - 2;
    if (q->shape[nbatch] == k) return q;
    rt_tensor *less = rt_linalg_empty((rt_dtype)q->dtype, nbatch, q->shape, k, q->shape[nbatch + 1]);
    rt_tensor *part = less ? rt_tensor_alias(q, q->data, (rt_dtype)q->dtype, q->ndim, less->shape, q->steps) : NULL;
    if (!part || rt_copy_into(less, part) < 0) Py_CLEAR(less);
    Py_XDECREF((PyObject *)part);
    Py_DECREF((PyObject *)q);
    return less;
}

/* In place of A = 0 x n or m x 0: Q is the identity of what columns it has, R is empty or zeros. */
static int empty_qr(rt_tensor *q, rt_tensor *r, intptr_t m, intptr_t columns)
{
    rt_operand one = rt_operand_int(1);
    memset(r->data, 0, (size_t)r->size * rt_tensor_itemsize(r));
    memset(q->data, 0, (size_t)q->size * rt_tensor_itemsize(q));
    if (m == 0 || columns == 0) return 0;
    rt_tensor *diagonal = rt_view_diagonal("qr", q, 0, q->ndim - 2, q->ndim - 1);
    int status = diagonal ? rt_fill(diagonal, &one) : -1;
    Py_XDECREF((PyObject *)diagonal);
    return status;
}

FORWARD(linalg_qr)
{
    enum { REDUCED, COMPLETE, ONLY_R };
    rt_tensor *x = rt_linalg_operand(op, in, 0, 2), *made[2], *tau;
    int status = -1, mode = (int)p->i[0];
    if (!x) return -1;
    int nbatch = x->ndim - 2;
    const intptr_t none = 0;
    intptr_t m = x->shape[nbatch], n = x->shape[nbatch + 1], k = mode == COMPLETE ? m : smaller(m, n);
    rt_tensor *q = made[0] = padded_columns(x, k);
    rt_tensor *r = made[1] = rt_linalg_empty((rt_dtype)x->dtype, nbatch, x->shape, n, k);
    tau = rt_linalg_empty((rt_dtype)x->dtype, nbatch, x->shape, smaller(m, n), -1);
    if (!q || !r || !tau) goto done;
    rt_linalg_job job = {.dtype = (rt_dtype)x->dtype, .m = m, .n = n, .k = k, .batch = m && n ? rt_linalg_count(x, 2) : 0,
                         .t = {q, r, tau}, .flag = mode == ONLY_R, .one = qr_one};
    if (m == 0 || n == 0 ? empty_qr(q, r, m, k) < 0 : rt_linalg_run(op, &job, 2 * cube(m, n)) < 0) goto done;
    if (mode == ONLY_R) {
        Py_SETREF(made[0], rt_linalg_empty((rt_dtype)x->dtype, 1, &none, -1, -1));
    } else {
        made[0] = first_columns(made[0], k);
    }
    status = 0;
done:
    Py_XDECREF((PyObject *)tau);
    return rt_linalg_finish(op, out, 2, made, mode == ONLY_R ? 2 : 3, status);
}

/* ---- Householder reflectors ------------------------------------------------------------ */

static int geqrf_one(const rt_linalg_job *job, char *const *operand)
{
    return rt_lapack_geqrf(job->dtype, job->m, job->n, operand[0], operand[1]);
}

FORWARD(linalg_geqrf)
{
    rt_tensor *x = rt_linalg_operand(op, in, 0, 2), *made[2];
    int status = -1;
    if (!x) return -1;
    int nbatch = x->ndim - 2;
    intptr_t m = x->shape[nbatch], n = x->shape[nbatch + 1];
    rt_tensor *a = made[0] = rt_linalg_copy(x, nbatch, x->shape, 1);
    rt_tensor *tau = made[1] = rt_linalg_empty((rt_dtype)x->dtype, nbatch, x->shape, smaller(m, n), -1);
    if (!a || !tau) goto done;
    rt_linalg_job job = {.dtype = (rt_dtype)x->dtype, .m = m, .n = n, .batch = m && n ? rt_linalg_count(x, 2) : 0,
                         .t = {a, tau}, .one = geqrf_one};
    if (rt_linalg_run(op, &job, 2 * cube(m, n)) < 0) goto done;
    status = 0;
done:
    return rt_linalg_finish(op, out, 2, made, 1, status);
}

/* tau, checked against x (..., m, n): (..., k) with k <= min(m, n) and x's batch. */
static rt_tensor *reflector_scales(const rt_op *op, const rt_operand *in, const rt_tensor *x)
{
    rt_tensor *tau = rt_linalg_operand(op, in, 1, 1);
    if (!tau || rt_linalg_same_dtype(op, x, tau) < 0) return NULL;
    if (tau->ndim != x->ndim - 1 || !rt_shape_equal(tau->ndim - 1, tau->shape, x->ndim - 2, x->shape)
        || tau->shape[tau->ndim - 1] > smaller(x->shape[x->ndim - 2], x->shape[x->ndim - 1])) {
        rt_error_shapes(rt_linalg_name(op), "tau must have x's batch and at most min(m, n) elements", x->ndim, x->shape,
                        tau->ndim, tau->shape);
        return NULL;
    }
    return tau;
}

static int householder_one(const rt_linalg_job *job, char *const *operand)
{
    return rt_lapack_ungqr(job->dtype, job->m, job->n, job->k, operand[0], operand[1]);
}

FORWARD(linalg_householder_product)
{
    rt_tensor *x = rt_linalg_operand(op, in, 0, 2), *tau = x ? reflector_scales(op, in, x) : NULL, *q = NULL, *t = NULL;
    int status = -1;
    if (!tau) return -1;
    int nbatch = x->ndim - 2;
    intptr_t m = x->shape[nbatch], n = x->shape[nbatch + 1], k = tau->shape[nbatch];
    if (m < n)
        return rt_error(rt_TensorError, rt_linalg_name(op), "needs at least as many rows as columns, the matrices are %zd by %zd",
                        (Py_ssize_t)m, (Py_ssize_t)n);
    q = rt_linalg_copy(x, nbatch, x->shape, 1);
    t = rt_copy_of(tau);
    if (!q || !t) goto done;
    rt_linalg_job job = {.dtype = (rt_dtype)x->dtype, .m = m, .n = n, .k = k, .batch = m && n ? rt_linalg_count(x, 2) : 0,
                         .t = {q, t}, .one = householder_one};
    if (rt_linalg_run(op, &job, 2 * (double)m * (double)n * (double)k) < 0) goto done;
    status = rt_linalg_give(op, out, 0, q, 1);
    q = NULL;
done:
    Py_XDECREF((PyObject *)q);
    Py_XDECREF((PyObject *)t);
    return status;
}

static int ormqr_one(const rt_linalg_job *job, char *const *operand)
{
    return rt_lapack_unmqr(job->dtype, job->option, job->flag ? 'C' : 'N', job->m, job->n, job->k, operand[0], operand[1],
                           operand[2]);
}

FORWARD(linalg_ormqr)
{
    rt_tensor *x = rt_linalg_operand(op, in, 0, 2), *tau = x ? reflector_scales(op, in, x) : NULL;
    rt_tensor *y = tau ? rt_linalg_operand(op, in, 2, 2) : NULL, *a = NULL, *t = NULL, *c = NULL;
    int status = -1, left = (int)p->i[0];
    if (!y || rt_linalg_same_dtype(op, x, y) < 0) return -1;
    int nbatch = x->ndim - 2;
    if (y->ndim != x->ndim || !rt_shape_equal(nbatch, x->shape, nbatch, y->shape)
        || y->shape[left ? nbatch : nbatch + 1] != x->shape[nbatch])
        return rt_error_shapes(rt_linalg_name(op), "the reflectors do not fit the other matrix", x->ndim, x->shape, y->ndim, y->shape);
    intptr_t m = y->shape[nbatch], n = y->shape[nbatch + 1], k = tau->shape[nbatch];
    a = rt_linalg_copy(x, nbatch, x->shape, 1);
    t = rt_copy_of(tau);
    c = rt_linalg_copy(y, nbatch, y->shape, 1);
    if (!a || !t || !c) goto done;
    rt_linalg_job job = {.dtype = (rt_dtype)x->dtype, .m = m, .n = n, .k = k,
                         .batch = m && n && k ? rt_linalg_count(x, 2) : 0, .t = {a, t, c}, .option = left ? 'L' : 'R',
                         .flag = (char)p->i[1], .one = ormqr_one};
    if (rt_linalg_run(op, &job, 4 * (double)m * (double)n * (double)k) < 0) goto done;
    status = rt_linalg_give(op, out, 0, c, 1);
    c = NULL;
done:
    Py_XDECREF((PyObject *)a);
    Py_XDECREF((PyObject *)t);
    Py_XDECREF((PyObject *)c);
    return status;
}

/* ---- LDL ----------------------------------------------------------------------------- */

static int ldl_one(const rt_linalg_job *job, char *const *operand)
{
    intptr_t n = job->n, item = (intptr_t)rt_itemsize(job->dtype);
    int info = rt_lapack_sytrf(job->dtype, job->flag, n, operand[0], (int32_t *)operand[1]);
    for (intptr_t j = 1; j < n; j++) memset(operand[0] + j * n * item, 0, (size_t)(j * item));    /* above the diagonal */
    return info;
}

FORWARD(linalg_ldl_factor)
{
    rt_tensor *x = rt_linalg_square(op, in, 0), *made[3];
    int status = -1;
    if (!x) return -1;
    int nbatch = x->ndim - 2;
    intptr_t n = x->shape[nbatch];
    rt_tensor *ld = made[0] = rt_linalg_copy(x, nbatch, x->shape, 1);
    rt_tensor *pivots = made[1] = rt_linalg_empty(RT_i32, nbatch, x->shape, n, -1);
    rt_tensor *info = made[2] = zeroed_info(x, nbatch);
    if (!ld || !pivots || !info) goto done;
    rt_linalg_job job = {.dtype = (rt_dtype)x->dtype, .n = n, .batch = n ? info->size : 0, .t = {ld, pivots},
                         .info = (int32_t *)info->data, .flag = (char)p->i[0], .one = ldl_one};
    if (rt_linalg_run(op, &job, cube(n, n) / 3) < 0) goto done;
    if (p->i[1] && rt_linalg_check(op, info, "block %d of D is zero: solving with it would divide by zero") < 0)
        goto done;
    status = 0;
done:
    return rt_linalg_finish(op, out, 3, made, 1, status);
}
