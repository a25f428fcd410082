/* classes: shapes, checks and coefficients of the losses over classes.  Views and arithmetic are asked
 * for through the op table: recorded in a backward pass that wants it, not in a forward one, which
 * switches grad mode off.  Floor: ufunc. */
#include "ufunc/classes.h"
#include "backends/memory.h"
#include "core/error.h"
#include "core/shape.h"
#include "ufunc/views.h"

static const rt_device cpu = {RT_CPU, 0};

/* ---- shapes -------------------------------------------------------------------------- */

static rt_tensor *reshaped(rt_tensor *t, int n, const intptr_t *shape)
{
    rt_params p;
    if (!t || rt_shape_equal(t->ndim, t->shape, n, shape)) return t;
    rt_params_begin(&p);
    rt_params_push(&p, 0, n, shape);
    rt_tensor *out = rt_apply1p(RT_OP_reshape, t, &p);
    Py_DECREF((PyObject *)t);
    return out;
}

static rt_tensor *moved(rt_tensor *t, intptr_t from, intptr_t to)
{
    rt_params p;
    if (!t || t->ndim < 3) return t;
    rt_params_begin(&p);
    rt_params_push(&p, 0, 1, &from);
    rt_params_push(&p, 1, 1, &to);
    rt_tensor *out = rt_apply1p(RT_OP_movedim, t, &p);
    Py_DECREF((PyObject *)t);
    return out;
}

static rt_tensor *packed(rt_tensor *t, rt_dtype dtype)
{
    rt_tensor *cast = t ? rt_cast(t, dtype) : NULL, *out = cast ? rt_contiguous(cast) : NULL;
    Py_XDECREF((PyObject *)t);
    Py_XDECREF((PyObject *)cast);
    return out;
}

rt_tensor *rt_classes_rows(const rt_classes *c, rt_tensor *t)
{
    const intptr_t shape[2] = {c->count, c->classes};
    return reshaped(packed(moved((rt_tensor *)Py_NewRef((PyObject *)t), 1, -1), c->compute), 2, shape);
}

rt_tensor *rt_classes_home(const rt_classes *c, rt_tensor *rows)
{
    intptr_t shape[RT_MAX_NDIM];
    int n = 0;
    for (int d = 0; d < c->ndim; d++) if (d != (c->ndim > 1)) shape[n++] = c->shape[d];
    shape[n++] = c->classes;
    return moved(reshaped((rt_tensor *)Py_NewRef((PyObject *)rows), n, shape), -1, 1);
}

static void measure(rt_classes *c)
{
    int at = c->ndim > 1;
    c->classes = c->shape[at];
    c->count = 1;
    for (int d = 0; d < c->ndim; d++) if (d != at) c->count *= c->shape[d];
}

/* ---- target and weight --------------------------------------------------------------- */

static int check_target_shape(const char *op, const rt_classes *c, const rt_tensor *target)
{
    char why[RT_SHAPE_TEXT + 200], text[RT_SHAPE_TEXT];
    intptr_t wanted[RT_MAX_NDIM];
    int n = 0, probable = rt_dtype_is_float((rt_dtype)target->dtype);
    for (int d = 0; d < c->ndim; d++) if (probable || d != (c->ndim > 1)) wanted[n++] = c->shape[d];
    if (rt_shape_equal(n, wanted, target->ndim, target->shape)) return 0;
    if (probable)
        snprintf(why, sizeof why, "expected target dtype to be Long or Byte for class numbers; class probabilities"
                 " must have the input's shape (input and target)");
    else if (rt_shape_equal(c->ndim, c->shape, target->ndim, target->shape))
        snprintf(why, sizeof why, "Expected floating point type for target with class probabilities; class numbers have"
                 " no dimension of classes (input and target)");
    else if (n > 0 && target->ndim > 0 && wanted[0] != target->shape[0])
        snprintf(why, sizeof why, "Expected input batch_size (%zd) to match target batch_size (%zd) (input and target)",
                 (Py_ssize_t)wanted[0], (Py_ssize_t)target->shape[0]);
    else
        snprintf(why, sizeof why, "Expected target size %s, the input's without its dimension of classes (input and"
                 " target)", rt_shape_text(n, wanted, text));
    return rt_error_shapes(op, why, c->ndim, c->shape, target->ndim, target->shape);
}

static int check_class_numbers(const char *op, const rt_classes *c)
{
    const int64_t *t = (const int64_t *)c->target->data;
    for (intptr_t r = 0; r < c->count; r++)
        if ((t[r] < 0 || t[r] >= c->classes) && t[r] != c->ignore)
            return rt_error(rt_RangeError, op, "target of row %zd is class %lld, but there are %zd classes",
                            (Py_ssize_t)r, (long long)t[r], (Py_ssize_t)c->classes);
    return 0;
}

static int take_target(rt_classes *c, rt_tensor *target)
{
    if (rt_dtype_is_float((rt_dtype)target->dtype)) return 0;
    c->target = reshaped(packed((rt_tensor *)Py_NewRef((PyObject *)target), RT_i64), 1, &c->count);
    return c->target ? 0 : -1;
}

static int take_weight(const char *op, rt_classes *c, rt_dtype dtype, rt_tensor *weight)
{
    char why[120];
    if (weight->ndim != 1 || weight->shape[0] != c->classes) {
        snprintf(why, sizeof why, "weight tensor should be defined either for all %zd classes or no classes (input and"
                 " weight)", (Py_ssize_t)c->classes);
        return rt_error_shapes(op, why, c->ndim, c->shape, weight->ndim, weight->shape);
    }
    if (weight->dtype != dtype)
        return rt_error(rt_DtypeError, op, "expected scalar type %s but found %s: weight must have the input's dtype",
                        rt_dtypes[dtype].name, rt_dtypes[weight->dtype].name);
    c->weight = packed((rt_tensor *)Py_NewRef((PyObject *)weight), c->compute);
    return c->weight ? 0 : -1;
}

int rt_classes_begin(const rt_op *op, int nin, const rt_operand *in, int64_t ignore, rt_classes *c)
{
    const char *name = op->cls.name;
    rt_tensor *x = rt_operand_tensor(op, in, 0), *target = x ? rt_operand_tensor(op, in, 1) : NULL, *weight;
    c->target = c->weight = NULL;
    if (!target) return -1;
    if (!rt_dtype_is_float((rt_dtype)x->dtype))
        return rt_error(rt_DtypeError, name, "the input must be floating, not %s", rt_dtypes[x->dtype].name);
    if (rt_dtype_is_complex((rt_dtype)target->dtype) || target->dtype == RT_b1)
        return rt_error(rt_DtypeError, name, "the target must hold class numbers or probabilities, not %s",
                        rt_dtypes[target->dtype].name);
    if (x->ndim == 0) return rt_error(rt_TensorError, name, "the input must have a dimension of classes");
    c->compute = x->dtype == RT_f64 ? RT_f64 : RT_f32;
    c->ignore = ignore;
    c->ndim = x->ndim;
    memcpy(c->shape, x->shape, (size_t)x->ndim * sizeof *c->shape);
    measure(c);
    if (check_target_shape(name, c, target) < 0 || take_target(c, target) < 0) goto failed;
    if (c->target && check_class_numbers(name, c) < 0) goto failed;
    if (nin > 2 && !in[2].none) {
        weight = rt_operand_tensor(op, in, 2);
        if (!weight || take_weight(name, c, (rt_dtype)x->dtype, weight) < 0) goto failed;
    }
    return 0;
failed:
    rt_classes_end(c);
    return -1;
}

int rt_classes_resume(const rt_node *n, const rt_operand *target, const rt_operand *weight, int64_t ignore,
                      rt_dtype compute, rt_classes *c)
{
    c->target = c->weight = NULL;
    c->compute = compute;
    c->ignore = ignore;
    c->ndim = n->params->n[0];
    memcpy(c->shape, n->params->list, (size_t)c->ndim * sizeof *c->shape);
    measure(c);
    /* again: others may have written to memory that is shared with them */
    if (take_target(c, target->t) == 0 && (!c->target || check_class_numbers(n->cls->name, c) == 0)
        && (!weight->t || take_weight(n->cls->name, c, (rt_dtype)weight->t->dtype, weight->t) == 0))
        return 0;
    rt_classes_end(c);
    return -1;
}

void rt_classes_keep(const rt_classes *c, rt_params *p)
{
    p->nlist = 0;
    rt_params_push(p, 0, c->ndim, c->shape);
}

void rt_classes_end(rt_classes *c)
{
    Py_CLEAR(c->target);
    Py_CLEAR(c->weight);
}

/* ---- weights ------------------------------------------------------------------------- */

static double class_weight(const rt_classes *c, intptr_t k)
{
    if (!c->weight) return 1;
    return c->compute == RT_f32 ? ((const float *)c->weight->data)[k] : ((const double *)c->weight->data)[k];
}

double rt_classes_row_weight(const rt_classes *c, intptr_t r)
{
    const int64_t t = ((const int64_t *)c->target->data)[r];
    return t == c->ignore ? 0 : class_weight(c, t);
}

double rt_classes_total(const rt_classes *c)
{
    double total = 0;
    if (!c->target) return (double)c->count;
    for (intptr_t r = 0; r < c->count; r++) total += rt_classes_row_weight(c, r);
    return total;
}

/* Coefficients of class numbers: w[t] (1 - smoothing) at t, and w[k] smoothing / classes everywhere. */
static void fill_coefficients(const rt_classes *c, double smoothing, char *out)
{
    const int64_t *t = (const int64_t *)c->target->data;
    double even = smoothing / (double)c->classes;
    for (intptr_t r = 0; r < c->count; r++)
        for (intptr_t k = 0; k < c->classes; k++) {
            double share = t[r] == c->ignore ? 0 : (k == t[r] ? 1 - smoothing + even : even) * class_weight(c, k);
            if (c->compute == RT_f32) ((float *)out)[r * c->classes + k] = (float)share;
            else ((double *)out)[r * c->classes + k] = share;
        }
}

rt_tensor *rt_classes_coefficients(const rt_classes *c, rt_tensor *probabilities, double smoothing)
{
    const intptr_t shape[2] = {c->count, c->classes};
    if (c->target) {
        rt_tensor *a = rt_empty(c->compute, 2, shape, cpu);
        if (a) fill_coefficients(c, smoothing, a->data);
        return a;
    }
    rt_tensor *a = (rt_tensor *)Py_NewRef((PyObject *)probabilities), *b;
    if (smoothing != 0) {
        b = rt_apply2s(RT_OP_mul, a, 1 - smoothing);
        Py_DECREF((PyObject *)a);
        a = b ? rt_apply2s(RT_OP_add, b, smoothing / (double)c->classes) : NULL;
        Py_XDECREF((PyObject *)b);
    }
    if (!a || !c->weight) return a;
    b = rt_apply2(RT_OP_mul, a, c->weight);
    Py_DECREF((PyObject *)a);
    return b;
}

/* ---- the result and its gradient ------------------------------------------------------ */

int rt_classes_output(const rt_op *op, const rt_classes *c, rt_tensor *losses, int reduction, double total, int nin,
                      const rt_operand *in, rt_tensor **out)
{
    int status = -1, n = 0;
    intptr_t shape[RT_MAX_NDIM];
    rt_tensor *value = (rt_tensor *)Py_NewRef((PyObject *)losses), *work = NULL, *const given = *out;
    if (reduction == RT_LOSS_NONE) {
        for (int d = 0; d < c->ndim; d++) if (d != (c->ndim > 1)) shape[n++] = c->shape[d];
        value = reshaped(value, n, shape);
    } else {
        rt_params p;
        rt_params_begin(&p);
        p.n[0] = -1;
        p.i[1] = RT_NODTYPE;
        value = rt_apply1p(RT_OP_sum, losses, &p);
        Py_DECREF((PyObject *)losses);
        if (value && reduction == RT_LOSS_MEAN) {
            rt_tensor *mean = rt_apply2s(RT_OP_div, value, total);
            Py_DECREF((PyObject *)value);
            value = mean;
        }
    }
    if (!value || rt_output_begin(op, out, (rt_dtype)in[0].t->dtype, n, shape, nin, in, 1, &work) < 0) goto done;
    if (rt_copy_into(work, value) < 0) goto done;
    status = rt_output_finish(*out, work);
    work = NULL;
done:
    Py_XDECREF((PyObject *)value);
    Py_XDECREF((PyObject *)work);
    if (status < 0 && !given) Py_CLEAR(*out);
    return status;
}

/* Is there a row whose class is not to be ignored? */
static int counts(const rt_classes *c)
{
    const int64_t *t = c->target ? (const int64_t *)c->target->data : NULL;
    for (intptr_t r = 0; r < c->count; r++) if (!t || t[r] != c->ignore) return 1;
    return 0;
}

rt_tensor *rt_classes_gradient(const rt_classes *c, rt_tensor *g, int reduction, double total)
{
    const intptr_t shape[2] = {reduction == RT_LOSS_NONE ? c->count : 1, 1};
    rt_tensor *column = reshaped(rt_cast(g, c->compute), 2, shape);
    if (!column || reduction != RT_LOSS_MEAN) return column;
    /* without a row that counts the mean is 0/0, but nothing depends on the input */
    rt_tensor *out = rt_apply2s(RT_OP_div, column, total == 0 && !counts(c) ? 1 : total);
    Py_DECREF((PyObject *)column);
    return out;
}
