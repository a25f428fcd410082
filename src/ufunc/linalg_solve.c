/* linalg_solve: rows that solve systems of equations, and what an LU factorisation gives besides:
 * inverse and determinant.  Floor: ufunc. */
#include "core/error.h"
#include "core/shape.h"
#include "ufunc/linalg_batch.h"
#include <complex.h>
#include <math.h>

static double cube(intptr_t n) { return (double)n * (double)n * (double)n; }

static rt_tensor *zeroed(rt_tensor *t)
{
    if (t) memset(t->data, 0, (size_t)t->size * rt_tensor_itemsize(t));
    return t;
}

/* A system A X = B: the operands, their broadcast batch, lengths. */
typedef struct { rt_tensor *a, *b; int nbatch; intptr_t batch[RT_MAX_NDIM], n, k; } rt_system;

/* From operands ia (square) and ib; both borrowed. */
static int system_begin(const rt_op *op, const rt_operand *in, int ia, int ib, rt_system *s)
{
    if (!(s->a = rt_linalg_square(op, in, ia)) || !(s->b = rt_linalg_operand(op, in, ib, 2))) return -1;
    if (rt_linalg_same_dtype(op, s->a, s->b) < 0) return -1;
    s->n = s->a->shape[s->a->ndim - 1];
    s->k = s->b->shape[s->b->ndim - 1];
    if (s->b->shape[s->b->ndim - 2] != s->n)
        return rt_error_shapes(rt_linalg_name(op), "the right side must have as many rows as the matrix", s->a->ndim,
                               s->a->shape, s->b->ndim, s->b->shape);
    s->nbatch = s->a->ndim - 2;
    memcpy(s->batch, s->a->shape, (size_t)s->nbatch * sizeof *s->batch);
    return rt_shape_broadcast(rt_linalg_name(op), &s->nbatch, s->batch, s->b->ndim - 2, s->b->shape);
}

static intptr_t system_count(const rt_system *s)
{
    intptr_t count = s->n ? 1 : 0;
    for (int d = 0; d < s->nbatch; d++) count *= s->batch[d];
    return count;
}

/* ---- solve, inverse ------------------------------------------------------------------ */

static int solve_one(const rt_linalg_job *job, char *const *operand)
{
    int info = rt_lapack_getrf(job->dtype, job->n, job->n, operand[0], (int32_t *)operand[1]);
    if (info || job->k == 0) return info;
    return rt_lapack_getrs(job->dtype, 'N', job->n, job->k, operand[0], (int32_t *)operand[1], operand[2]);
}

/* Outputs: X, info, and hidden LU (by columns) and its pivots. */
FORWARD(linalg_solve)
{
    rt_system s;
    rt_tensor *made[4] = {NULL};
    int status = -1;
    if (system_begin(op, in, 0, 1, &s) < 0) return -1;
    made[0] = rt_linalg_copy(s.b, s.nbatch, s.batch, 1);
    made[1] = zeroed(rt_linalg_empty(RT_i32, s.nbatch, s.batch, -1, -1));
    made[2] = rt_linalg_copy(s.a, s.nbatch, s.batch, 1);
    made[3] = rt_linalg_empty(RT_i32, s.nbatch, s.batch, s.n, -1);
    if (!made[0] || !made[1] || !made[2] || !made[3]) goto done;
    rt_linalg_job job = {.dtype = (rt_dtype)s.a->dtype, .n = s.n, .k = s.k, .batch = system_count(&s),
                         .t = {made[2], made[3], made[0]}, .info = (int32_t *)made[1]->data, .one = solve_one};
    if (rt_linalg_run(op, &job, cube(s.n) / 3 + (double)s.n * (double)s.n * (double)s.k) < 0) goto done;
    if (p->i[0] && rt_linalg_check(op, made[1], "the matrix is singular (diagonal element %d of U is zero)") < 0) goto done;
    status = 0;
done:
    return rt_linalg_finish(op, out, 4, made, 1, status);
}

static int lu_apply_one(const rt_linalg_job *job, char *const *operand)
{
    return rt_lapack_getrs(job->dtype, job->flag ? 'C' : 'N', job->n, job->k, operand[0], (int32_t *)operand[1], operand[2]);
}

/* LU lies as solve leaves it (`columns`) or as lu_factor does. */
FORWARD(linalg_lu_solve)
{
    rt_system s;
    rt_tensor *pivots, *turned = NULL, *made[1] = {NULL}, *row = NULL;
    intptr_t shape[RT_MAX_NDIM + 1];
    int status = -1, columns = (int)p->i[1];
    if (system_begin(op, in, 0, 2, &s) < 0 || !(pivots = rt_operand_tensor(op, in, 1))) return -1;
    if ((rt_dtype)pivots->dtype != RT_i32 || !rt_shape_equal(pivots->ndim, pivots->shape, s.a->ndim - 1, s.a->shape))
        return rt_error_shapes("linalg.lu_solve", "the pivots must be int32, of LU's shape without its last dimension",
                               s.a->ndim, s.a->shape, pivots->ndim, pivots->shape);
    turned = rt_linalg_copy(s.a, s.nbatch, s.batch, !columns);
    made[0] = rt_linalg_copy(s.b, s.nbatch, s.batch, 1);
    memcpy(shape, s.batch, (size_t)s.nbatch * sizeof *shape);
    shape[s.nbatch] = s.n;
    row = rt_linalg_empty(RT_i32, s.nbatch, s.batch, s.n, -1);
    if (!turned || !made[0] || !row || rt_copy_into(row, pivots) < 0) goto done;
    for (intptr_t i = 0; i < row->size; i++)
        if (((int32_t *)row->data)[i] < 1 || ((int32_t *)row->data)[i] > s.n) {
            rt_error(rt_TensorError, "linalg.lu_solve", "pivots must lie between 1 and %zd", (Py_ssize_t)s.n);
            goto done;
        }
    rt_linalg_job job = {.dtype = (rt_dtype)s.a->dtype, .n = s.n, .k = s.k, .batch = s.k ? system_count(&s) : 0,
                         .t = {turned, row, made[0]}, .flag = (char)p->i[0], .one = lu_apply_one};
    status = rt_linalg_run(op, &job, (double)s.n * (double)s.n * (double)s.k);
done:
    Py_XDECREF((PyObject *)turned);
    Py_XDECREF((PyObject *)row);
    return rt_linalg_finish(op, out, 1, made, 1, status);
}

static int inv_one(const rt_linalg_job *job, char *const *operand)
{
    int info = rt_lapack_getrf(job->dtype, job->n, job->n, operand[0], (int32_t *)operand[1]);
    return info ? info : rt_lapack_getri(job->dtype, job->n, operand[0], (int32_t *)operand[1]);
}

FORWARD(linalg_inv)
{
    rt_tensor *x = rt_linalg_square(op, in, 0), *made[2] = {NULL}, *pivots = NULL;
    int status = -1;
    if (!x) return -1;
    int nbatch = x->ndim - 2;
    intptr_t n = x->shape[nbatch];
    made[0] = rt_linalg_copy(x, nbatch, x->shape, 1);
    made[1] = zeroed(rt_linalg_empty(RT_i32, nbatch, x->shape, -1, -1));
    pivots = rt_linalg_empty(RT_i32, nbatch, x->shape, n, -1);
    if (!made[0] || !made[1] || !pivots) goto done;
    rt_linalg_job job = {.dtype = (rt_dtype)x->dtype, .n = n, .batch = n ? made[1]->size : 0, .t = {made[0], pivots},
                         .info = (int32_t *)made[1]->data, .one = inv_one};
    if (rt_linalg_run(op, &job, cube(n)) < 0) goto done;
    if (p->i[0] && rt_linalg_check(op, made[1], "the matrix is singular (diagonal element %d of U is zero)") < 0) goto done;
    status = 0;
done:
    Py_XDECREF((PyObject *)pivots);
    return rt_linalg_finish(op, out, 2, made, 1, status);
}

/* ---- determinants -------------------------------------------------------------------- */

/* Product of U's diagonal with the sign of the permutation, in double: a plain complex number; and, for slogdet,
 * its phase and the logarithm of its size. */
static void determinant(const rt_linalg_job *job, const char *lu, const int32_t *pivots, double complex *product,
                        double *logarithm)
{
    double complex sign = 1;
    *product = 1;
    *logarithm = 0;
    for (intptr_t i = 0; i < job->n; i++) {
        intptr_t at = i * (job->n + 1);
        double complex d = job->dtype == RT_f32   ? (double complex)((const float *)lu)[at]
                           : job->dtype == RT_f64 ? (double complex)((const double *)lu)[at]
                           : job->dtype == RT_c64 ? (double complex)((const float complex *)lu)[at]
                                                  : ((const double complex *)lu)[at];
        double size = rt_dtype_is_complex(job->dtype) ? cabs(d) : fabs(creal(d));
        if (!rt_dtype_is_complex(job->dtype)) *product = creal(*product) * creal(d);
        else *product *= d;
        *logarithm += log(size);
        sign *= size == 0 ? 0 : d / size;
        if (pivots[i] != i + 1) {
            *product = -*product;
            sign = -sign;
        }
    }
    if (job->flag) *product = sign;
}

static void store(rt_dtype d, double complex value, char *at)
{
    switch (d) {
    case RT_f32: *(float *)at = (float)creal(value); break;
    case RT_f64: *(double *)at = creal(value); break;
    case RT_c64: *(float complex *)at = (float complex)value; break;
    default: *(double complex *)at = value;
    }
}

static int det_one(const rt_linalg_job *job, char *const *operand)
{
    double complex product = 1;
    double logarithm = 0;
    int info = job->n ? rt_lapack_getrf(job->dtype, job->n, job->n, operand[0], (int32_t *)operand[1]) : 0;
    if (info < 0) return info;
    determinant(job, operand[0], (int32_t *)operand[1], &product, &logarithm);
    store(job->dtype, product, operand[2]);
    if (job->flag) store(rt_dtype_to_real(job->dtype), logarithm, operand[3]);
    return 0;
}

/* Outputs: the values, then LU (by columns) and pivots, hidden. */
static int determinants(const rt_op *op, const rt_operand *in, int logarithmic, rt_tensor **out)
{
    rt_tensor *x = rt_linalg_square(op, in, 0), *made[4] = {NULL};
    int status = -1, values = logarithmic ? 2 : 1;
    if (!x) return -1;
    int nbatch = x->ndim - 2;
    intptr_t n = x->shape[nbatch];
    rt_dtype dtype = (rt_dtype)x->dtype;
    made[0] = rt_linalg_empty(dtype, nbatch, x->shape, -1, -1);
    if (logarithmic) made[1] = rt_linalg_empty(rt_dtype_to_real(dtype), nbatch, x->shape, -1, -1);
    made[values] = rt_linalg_copy(x, nbatch, x->shape, 1);
    made[values + 1] = rt_linalg_empty(RT_i32, nbatch, x->shape, n, -1);
    for (int k = 0; k < values + 2; k++) if (!made[k]) goto done;
    rt_linalg_job job = {.dtype = dtype, .n = n, .batch = made[0]->size, .flag = (char)logarithmic, .one = det_one,
                         .t = {made[values], made[values + 1], made[0], logarithmic ? made[1] : NULL}};
    status = rt_linalg_run(op, &job, cube(n) / 3);
done:
    return rt_linalg_finish(op, out, values + 2, made, 0, status);
}

FORWARD(linalg_det) { return determinants(op, in, 0, out); }
FORWARD(linalg_slogdet) { return determinants(op, in, 1, out); }

/* ---- triangular, least squares, LDL -------------------------------------------------- */

static int triangular_one(const rt_linalg_job *job, char *const *operand)
{
    rt_lapack_trsm(job->dtype, job->option == 'U', job->flag2, job->flag, job->n, job->k, operand[0], operand[1]);
    return 0;
}

FORWARD(linalg_solve_triangular)
{
    rt_system s;
    rt_tensor *a = NULL, *made[1] = {NULL};
    int status = -1;
    if (system_begin(op, in, 0, 1, &s) < 0) return -1;
    a = rt_linalg_copy(s.a, s.nbatch, s.batch, 0);
    made[0] = rt_linalg_copy(s.b, s.nbatch, s.batch, 0);
    if (!a || !made[0]) goto done;
    rt_linalg_job job = {.dtype = (rt_dtype)s.a->dtype, .n = s.n, .k = s.k, .batch = s.k ? system_count(&s) : 0,
                         .t = {a, made[0]}, .option = p->i[0] ? 'U' : 'L', .flag = (char)p->i[1], .flag2 = (char)p->i[2],
                         .one = triangular_one};
    status = rt_linalg_run(op, &job, (double)s.n * (double)s.n * (double)s.k / 2);
done:
    Py_XDECREF((PyObject *)a);
    return rt_linalg_finish(op, out, 1, made, 0, status);
}

static int lstsq_one(const rt_linalg_job *job, char *const *operand)
{
    return rt_lapack_lstsq(job->dtype, job->option, job->m, job->n, job->k, operand[0], operand[1], operand[2], job->number,
                           (int32_t *)operand[3]);
}

/* B by columns with max(m, n) rows, below A's m rows zeros. */
static rt_tensor *right_sides(const rt_system *s, intptr_t m, intptr_t n)
{
    rt_tensor *b = rt_linalg_copy(s->b, s->nbatch, s->batch, 1), *wide;
    if (!b || m >= n) return b;
    wide = zeroed(rt_linalg_empty((rt_dtype)b->dtype, s->nbatch, s->batch, s->k, n));
    rt_tensor *part = wide ? rt_tensor_alias(wide, wide->data, (rt_dtype)wide->dtype, b->ndim, b->shape, wide->steps) : NULL;
    if (!part || rt_copy_into(part, b) < 0) Py_CLEAR(wide);
    Py_XDECREF((PyObject *)part);
    Py_DECREF((PyObject *)b);
    return wide;
}

/* Outputs: max(m, n) rows of solution and, below, what gives the residuals; rank; singular values. */
FORWARD(linalg_lstsq)
{
    static const char drivers[] = {'y', 'f', 'd', 's'};
    rt_system s;
    rt_tensor *a = NULL, *made[3] = {NULL};
    int status = -1;
    if (!(s.a = rt_linalg_operand(op, in, 0, 2)) || !(s.b = rt_linalg_operand(op, in, 1, 2))) return -1;
    if (rt_linalg_same_dtype(op, s.a, s.b) < 0) return -1;
    intptr_t m = s.a->shape[s.a->ndim - 2], n = s.a->shape[s.a->ndim - 1], least = m < n ? m : n;
    s.n = least;
    s.k = s.b->shape[s.b->ndim - 1];
    s.nbatch = s.a->ndim - 2;
    if (s.b->shape[s.b->ndim - 2] != m)
        return rt_error_shapes("linalg.lstsq", "the right side must have as many rows as the matrix", s.a->ndim, s.a->shape,
                               s.b->ndim, s.b->shape);
    memcpy(s.batch, s.a->shape, (size_t)s.nbatch * sizeof *s.batch);
    if (rt_shape_broadcast("linalg.lstsq", &s.nbatch, s.batch, s.b->ndim - 2, s.b->shape) < 0) return -1;
    a = rt_linalg_copy(s.a, s.nbatch, s.batch, 1);
    made[0] = right_sides(&s, m, n);
    made[1] = zeroed(rt_linalg_empty(RT_i32, s.nbatch, s.batch, -1, -1));
    made[2] = zeroed(rt_linalg_empty(rt_dtype_to_real((rt_dtype)s.a->dtype), s.nbatch, s.batch, least, -1));
    if (!a || !made[0] || !made[1] || !made[2]) goto done;
    rt_linalg_job job = {.dtype = (rt_dtype)s.a->dtype, .m = m, .n = n, .k = s.k, .batch = s.k ? system_count(&s) : 0,
                         .t = {a, made[0], made[2], made[1]}, .option = drivers[p->i[0]], .number = p->f[0],
                         .one = lstsq_one};
    if (job.batch == 0) memset(made[0]->data, 0, (size_t)made[0]->size * rt_tensor_itemsize(made[0]));
    status = rt_linalg_run(op, &job, 4 * (double)m * (double)n * (double)least);
done:
    Py_XDECREF((PyObject *)a);
    return rt_linalg_finish(op, out, 3, made, 1, status);
}

static int ldl_solve_one(const rt_linalg_job *job, char *const *operand)
{
    return rt_lapack_sytrs(job->dtype, job->flag, job->n, job->k, operand[0], (int32_t *)operand[1], operand[2]);
}

/* LAPACK follows the pivots: they must be what sytrf writes. */
static int check_ldl_pivots(const rt_tensor *row, intptr_t n)
{
    for (intptr_t i = 0; i < row->size; i++) {
        intptr_t v = ((int32_t *)row->data)[i];
        if (v == 0 || v > n || v < -n)
            return rt_error(rt_TensorError, "linalg.ldl_solve", "pivots must lie between 1 and %zd in size", (Py_ssize_t)n);
        if (v > 0) continue;
        if (i % n == n - 1 || ((int32_t *)row->data)[i + 1] >= 0)
            return rt_error(rt_TensorError, "linalg.ldl_solve", "negative pivots come in pairs");
        i++;
    }
    return 0;
}

FORWARD(linalg_ldl_solve)
{
    rt_system s;
    rt_tensor *pivots, *ld = NULL, *row = NULL, *made[1] = {NULL};
    int status = -1;
    if (system_begin(op, in, 0, 2, &s) < 0 || !(pivots = rt_operand_tensor(op, in, 1))) return -1;
    if ((rt_dtype)pivots->dtype != RT_i32 || !rt_shape_equal(pivots->ndim, pivots->shape, s.a->ndim - 1, s.a->shape))
        return rt_error_shapes("linalg.ldl_solve", "the pivots must be int32, of LD's shape without its last dimension",
                               s.a->ndim, s.a->shape, pivots->ndim, pivots->shape);
    ld = rt_linalg_copy(s.a, s.nbatch, s.batch, 1);
    made[0] = rt_linalg_copy(s.b, s.nbatch, s.batch, 1);
    row = rt_linalg_empty(RT_i32, s.nbatch, s.batch, s.n, -1);
    if (!ld || !made[0] || !row || rt_copy_into(row, pivots) < 0 || check_ldl_pivots(row, s.n) < 0) goto done;
    rt_linalg_job job = {.dtype = (rt_dtype)s.a->dtype, .n = s.n, .k = s.k, .batch = s.k ? system_count(&s) : 0,
                         .t = {ld, row, made[0]}, .flag = (char)p->i[0], .one = ldl_solve_one};
    status = rt_linalg_run(op, &job, (double)s.n * (double)s.n * (double)s.k);
done:
    Py_XDECREF((PyObject *)ld);
    Py_XDECREF((PyObject *)row);
    return rt_linalg_finish(op, out, 1, made, 1, status);
}
