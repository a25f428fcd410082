/* linalg_spectral: singular values and eigenvalues.  Floor: ufunc. */
#include "core/error.h"
#include "core/view.h"
#include "ufunc/linalg_batch.h"

static intptr_t smaller(intptr_t a, intptr_t b) { return a < b ? a : b; }

/* A tensor of length 0, for vectors that were not asked for. */
static rt_tensor *nothing(rt_dtype dtype)
{
    const intptr_t none = 0;
    return rt_linalg_empty(dtype, 1, &none, -1, -1);
}

static rt_tensor *info_of(const rt_tensor *x)
{
    rt_tensor *info = rt_linalg_empty(RT_i32, x->ndim - 2, x->shape, -1, -1);
    if (info) memset(info->data, 0, (size_t)info->size * sizeof(int32_t));
    return info;
}

/* Unit matrices: the vectors of an empty matrix. */
static int make_unit(rt_tensor *t)
{
    rt_operand one = rt_operand_int(1);
    memset(t->data, 0, (size_t)t->size * rt_tensor_itemsize(t));
    rt_tensor *diagonal = rt_view_diagonal("svd", t, 0, t->ndim - 2, t->ndim - 1);
    int status = diagonal ? rt_fill(diagonal, &one) : -1;
    Py_XDECREF((PyObject *)diagonal);
    return status;
}

static int svd_one(const rt_linalg_job *job, char *const *operand)
{
    return rt_lapack_gesdd(job->dtype, job->option, job->m, job->n, operand[0], operand[2], operand[1], operand[3]);
}

/* Outputs U, S, Vh; parameters full_matrices, compute_uv. */
FORWARD(linalg_svd)
{
    rt_tensor *x = rt_linalg_operand(op, in, 0, 2), *a = NULL, *info = NULL, *made[3] = {NULL};
    int status = -1, full = (int)p->i[0], vectors = (int)p->i[1];
    if (!x) return -1;
    int nbatch = x->ndim - 2;
    rt_dtype dtype = (rt_dtype)x->dtype;
    intptr_t m = x->shape[nbatch], n = x->shape[nbatch + 1], k = smaller(m, n);
    a = rt_linalg_copy(x, nbatch, x->shape, 1);
    info = info_of(x);
    made[0] = vectors ? rt_linalg_empty(dtype, nbatch, x->shape, full ? m : k, m) : nothing(dtype);
    made[1] = rt_linalg_empty(rt_dtype_to_real(dtype), nbatch, x->shape, k, -1);
    made[2] = vectors ? rt_linalg_empty(dtype, nbatch, x->shape, n, full ? n : k) : nothing(dtype);
    if (!a || !info || !made[0] || !made[1] || !made[2]) goto done;
    rt_linalg_job job = {.dtype = dtype, .m = m, .n = n, .batch = k ? info->size : 0, .info = (int32_t *)info->data,
                         .t = {a, vectors ? made[0] : NULL, made[1], vectors ? made[2] : NULL},
                         .option = !vectors ? 'N' : full ? 'A' : 'S', .one = svd_one};
    if (k == 0 && vectors && (make_unit(made[0]) < 0 || make_unit(made[2]) < 0)) goto done;
    if (rt_linalg_run(op, &job, (vectors ? 20.0 : 4.0) * (double)m * (double)n * (double)k) < 0) goto done;
    status = rt_linalg_check(op, info, "the method did not converge (%d superdiagonals are left)");
done:
    Py_XDECREF((PyObject *)a);
    Py_XDECREF((PyObject *)info);
    return rt_linalg_finish(op, out, 3, made, vectors ? 5 : 0, status);
}

static int eigh_one(const rt_linalg_job *job, char *const *operand)
{
    return rt_lapack_heevd(job->dtype, job->flag ? 'V' : 'N', job->option, job->n, operand[0], operand[1]);
}

/* Outputs eigenvalues, vectors; parameters upper, vectors. */
FORWARD(linalg_eigh)
{
    rt_tensor *x = rt_linalg_square(op, in, 0), *info = NULL, *made[2] = {NULL};
    int status = -1, vectors = (int)p->i[1];
    if (!x) return -1;
    int nbatch = x->ndim - 2;
    rt_dtype dtype = (rt_dtype)x->dtype;
    intptr_t n = x->shape[nbatch];
    info = info_of(x);
    made[0] = rt_linalg_empty(rt_dtype_to_real(dtype), nbatch, x->shape, n, -1);
    made[1] = rt_linalg_copy(x, nbatch, x->shape, 1);
    if (!info || !made[0] || !made[1]) goto done;
    rt_linalg_job job = {.dtype = dtype, .n = n, .batch = n ? info->size : 0, .info = (int32_t *)info->data,
                         .t = {made[1], made[0]}, .option = p->i[0] ? 'U' : 'L', .flag = (char)vectors, .one = eigh_one};
    if (rt_linalg_run(op, &job, (vectors ? 9.0 : 2.0) * (double)n * (double)n * (double)n) < 0) goto done;
    if (!vectors) {
        Py_SETREF(made[1], nothing(dtype));
        if (!made[1]) goto done;
    }
    status = rt_linalg_check(op, info, "the method did not converge (%d elements of the tridiagonal form are left)");
done:
    Py_XDECREF((PyObject *)info);
    return rt_linalg_finish(op, out, 2, made, vectors ? 2 : 0, status);
}

static int eig_one(const rt_linalg_job *job, char *const *operand)
{
    return rt_lapack_geev(job->dtype, job->flag ? 'V' : 'N', job->n, operand[0], operand[1], operand[2]);
}

/* Outputs eigenvalues and vectors, both complex; parameter vectors. */
FORWARD(linalg_eig)
{
    rt_tensor *x = rt_linalg_square(op, in, 0), *a = NULL, *info = NULL, *made[2] = {NULL};
    int status = -1, vectors = (int)p->i[0];
    if (!x) return -1;
    int nbatch = x->ndim - 2;
    rt_dtype dtype = (rt_dtype)x->dtype, complex = rt_dtype_to_complex(dtype);
    intptr_t n = x->shape[nbatch];
    a = rt_linalg_copy(x, nbatch, x->shape, 1);
    info = info_of(x);
    made[0] = rt_linalg_empty(complex, nbatch, x->shape, n, -1);
    made[1] = vectors ? rt_linalg_empty(complex, nbatch, x->shape, n, n) : nothing(complex);
    if (!a || !info || !made[0] || !made[1]) goto done;
    rt_linalg_job job = {.dtype = dtype, .n = n, .batch = n ? info->size : 0, .info = (int32_t *)info->data,
                         .t = {a, made[0], vectors ? made[1] : NULL}, .flag = (char)vectors, .one = eig_one};
    if (rt_linalg_run(op, &job, 25.0 * (double)n * (double)n * (double)n) < 0) goto done;
    status = rt_linalg_check(op, info, "the method did not converge (%d eigenvalues are left)");
done:
    Py_XDECREF((PyObject *)a);
    Py_XDECREF((PyObject *)info);
    return rt_linalg_finish(op, out, 2, made, vectors ? 2 : 0, status);
}
