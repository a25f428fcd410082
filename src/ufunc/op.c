/* op: ops.def expanded into rt_ops, the rows extensions add, and the rules of dtype each class stands for.
 * Floor: ufunc. */
#include "ufunc/op.h"
#include "core/error.h"
#include "ufunc/derive.h"
#include "ufunc/elementwise.h"
#include "ufunc/kernels/isa.h"
#include <string.h>

/* The named functions of the other families. */
#define BACKWARD_0(nm)
#define BACKWARD_1(nm) rt_backward_fn nm##_backward;
#define REDUCE(nm, np, cl, sig, saves, diff, dc) rt_forward_fn nm##_forward; BACKWARD_##diff(nm)
#define GUFUNC(nm, sig, nin, nout, saves, diff, dc) rt_forward_fn nm##_forward; BACKWARD_##diff(nm)
#define VIEW(nm, sig, dc) rt_forward_fn nm##_forward; rt_backward_fn nm##_backward;
#define UPDATE(nm, sig, dc) rt_forward_fn nm##_forward;
#include "ufunc/ops.def"
#undef REDUCE
#undef GUFUNC
#undef VIEW
#undef UPDATE
#undef BACKWARD_0
#undef BACKWARD_1

#define ROW(nm, fam, cl, np, sig, ni, no, dc) \
    .cls = {.name = #nm}, .numpy = np, .signature = sig, .doc = dc, .family = fam, \
    .klass = RT_CLASS_##cl, .nin = ni, .nout = no, .index = RT_OP_##nm
#define ELEMENTWISE(expr, dom) \
    .forward = rt_elementwise_forward, .expression = #expr, .domain = dom

#define UNARY(nm, np, cl, expr, grad, dom, dc) [RT_OP_##nm] = { \
    ROW(nm, RT_ELEMENTWISE, cl, np, "x", 1, 1, dc), ELEMENTWISE(expr, dom), .gradient = {#grad}},
#define UNARY_REAL(nm, np, cl, expr, grad, dom, dc) [RT_OP_##nm] = { \
    ROW(nm, RT_ELEMENTWISE, cl, np, "x", 1, 1, dc), ELEMENTWISE(expr, dom), .gradient = {#grad}, .real_result = 1},
#define BINARY(nm, np, cl, expr, gx, gy, dom, dc) [RT_OP_##nm] = { \
    ROW(nm, RT_ELEMENTWISE, cl, np, "x, y", 2, 1, dc), ELEMENTWISE(expr, dom), .gradient = {#gx, #gy}},
#define TERNARY(nm, np, cl, expr, gx, gy, gz, sig, dom, dc) [RT_OP_##nm] = { \
    ROW(nm, RT_ELEMENTWISE, cl, np, sig, 3, 1, dc), ELEMENTWISE(expr, dom), .gradient = {#gx, #gy, #gz}},
#define PARAM1(nm, cl, sig, expr, gx, dom, dc) [RT_OP_##nm] = { \
    ROW(nm, RT_ELEMENTWISE, cl, "", sig, 2, 1, dc), ELEMENTWISE(expr, dom), .gradient = {#gx}},
#define PARAM2(nm, cl, sig, expr, gx, dom, dc) [RT_OP_##nm] = { \
    ROW(nm, RT_ELEMENTWISE, cl, "", sig, 3, 1, dc), ELEMENTWISE(expr, dom), .gradient = {#gx}},
#define UNARY_LOGIC(nm, np, cl, expr, dc) [RT_OP_##nm] = { \
    ROW(nm, RT_ELEMENTWISE, cl, np, "x", 1, 1, dc), ELEMENTWISE(expr, "-3 3"), .logic = 1},
#define BINARY_LOGIC(nm, np, cl, expr, dc) [RT_OP_##nm] = { \
    ROW(nm, RT_ELEMENTWISE, cl, np, "x, y", 2, 1, dc), ELEMENTWISE(expr, "-3 3 -3 3"), .logic = 1},
#define SELECT(nm, np, cl, sig, gy, gz, dom, dc) [RT_OP_##nm] = { \
    ROW(nm, RT_ELEMENTWISE, cl, np, sig, 3, 1, dc), ELEMENTWISE(select, dom), .gradient = {"none", #gy, #gz}, .select = 1},
#define BACKWARD_0(nm)
#define BACKWARD_1(nm) .cls.backward = nm##_backward, .differentiable = 1,
#define REDUCE(nm, np, cl, sig, sv, diff, dc) [RT_OP_##nm] = { \
    ROW(nm, RT_REDUCE, cl, np, sig, 1, 1, dc), .forward = nm##_forward, .saves = sv, BACKWARD_##diff(nm)},
#define GUFUNC(nm, sig, ni, no, sv, diff, dc) [RT_OP_##nm] = { \
    ROW(nm, RT_GUFUNC, ALL, "", sig, ni, no, dc), .forward = nm##_forward, .saves = sv, BACKWARD_##diff(nm)},
#define VIEW(nm, sig, dc) [RT_OP_##nm] = { \
    ROW(nm, RT_VIEW, ALL, "", sig, 1, 1, dc), .forward = nm##_forward, BACKWARD_1(nm)},
#define UPDATE(nm, sig, dc) [RT_OP_##nm] = { \
    ROW(nm, RT_UPDATE, FLOAT, "", sig, 0, 0, dc), .forward = nm##_forward},

rt_op rt_ops[RT_NOP] = {
#include "ufunc/elementwise.def"
#include "ufunc/ops.def"
};

static int resolve(const rt_op *op, rt_dtype d, rt_dtype *compute, rt_dtype *result);

static void set_direct(rt_op *op)
{
    memset(op->direct, -1, sizeof op->direct);
    if (op->family != RT_ELEMENTWISE) return;
    for (int d = 0; d < RT_NDTYPE; d++) {
        rt_dtype compute, result;
        if (!op->select && resolve(op, (rt_dtype)d, &compute, &result) == 0 && (int)compute == d && op->loops[d])
            op->direct[d] = (int8_t)result;
        if (op->index == RT_OP_pow && rt_dtype_is_integer((rt_dtype)d)) op->direct[d] = -1;   /* exponents are checked */
        if (op->index == RT_OP_angle && rt_dtype_is_complex((rt_dtype)d)) op->direct[d] = -1;        /* by parts */
    }
}

static void set_loops(rt_op *op)
{
    const rt_isa *isa = rt_isa_now;
    for (int d = 0; op->index < RT_NKERNEL && d < RT_NDTYPE; d++) {   /* the elementwise rows come first */
        op->loops[d] = isa->loops[d] ? isa->loops[d][op->index] : NULL;
        for (int i = 0; i < 3; i++)
            op->gradient_loops[i][d] = isa->gradients[d] ? isa->gradients[d][op->index][i] : NULL;
    }
    set_direct(op);
}

static int set_rules(rt_op *op)
{
    if (op->family == RT_ELEMENTWISE) op->cls.backward = rt_elementwise_backward;
    for (int i = 0; i < 3; i++) {
        if (op->gradient[i] && strcmp(op->gradient[i], "none") == 0) op->gradient[i] = NULL;
        if (!op->gradient[i]) continue;
        op->differentiable = 1;
        op->rules[i] = rt_rule_parse(op->cls.name, op->gradient[i]);
        if (!op->rules[i]) return -1;
    }
    return 0;
}

int rt_ops_choose(const char *isa)
{
    const char *wanted = isa ? isa : getenv("RUSTORCH_ISA");
    if (rt_isa_choose(wanted && *wanted ? wanted : NULL) < 0) return -1;
    for (int i = 0; i < RT_NOP; i++) set_loops(&rt_ops[i]);
    return 0;
}

int rt_ops_init(void)
{
    if (rt_ops_choose(NULL) < 0) {
        PyErr_Format(PyExc_ImportError, "RUSTORCH_ISA=%s: unknown, or this processor lacks it", getenv("RUSTORCH_ISA"));
        return -1;
    }
    for (int i = 0; i < RT_NOP; i++)
        if (set_rules(&rt_ops[i]) < 0) return -1;
    return 0;
}

/* Owned, with the rows in it. */
static rt_op **added;
static int nadded;

int rt_ops_count(void) { return RT_NOP + nadded; }
const rt_op *rt_op_at(int i) { return i < RT_NOP ? &rt_ops[i] : added[i - RT_NOP]; }

int rt_op_add(rt_op *row)
{
    rt_op **grown = nadded < INT16_MAX - RT_NOP ? PyMem_Realloc(added, (size_t)(nadded + 1) * sizeof *added) : NULL;
    if (!grown) {
        PyErr_NoMemory();
        return -1;
    }
    added = grown;
    row->index = (int16_t)rt_ops_count();
    int status = set_rules(row);
    for (int i = 0; status == 0 && i < 3; i++)
        if (row->rules[i] && (rt_rule_uses(row->rules[i]) & 7) >> row->nin)
            status = rt_error(PyExc_SystemError, row->cls.name, "the derivative \"%s\" mentions an operand that is not there",
                              row->gradient[i]);
    if (status < 0) {
        for (int i = 0; i < 3; i++) free(row->rules[i]);
        return -1;
    }
    set_direct(row);
    added[nadded++] = row;
    return 0;
}

const rt_op *rt_op_find(const char *name)
{
    for (int i = 0; i < rt_ops_count(); i++)
        if (strcmp(rt_op_at(i)->cls.name, name) == 0) return rt_op_at(i);
    return NULL;
}

const char *rt_ops_isa(void) { return rt_isa_now->name; }

/* The dtype a class computes in, RT_NODTYPE when it refuses. */
static rt_dtype class_dtype(const rt_op *op, rt_dtype d)
{
    const rt_kind k = rt_dtype_kind(d);
    /* NumPy's ufuncs have a loop for each floating dtype, its division for ints one alone */
    const rt_dtype floating = k >= RT_KIND_FLOAT ? d : *op->numpy && op->index != RT_OP_div ? rt_dtype_floating(d)
                                                                                           : rt_default_dtype();
    switch ((rt_class)op->klass) {
    case RT_CLASS_ALL: case RT_CLASS_BOOL: return d;
    case RT_CLASS_NUM: return k == RT_KIND_BOOL ? RT_NODTYPE : d;
    case RT_CLASS_COUNT: return k == RT_KIND_BOOL ? RT_i64 : d;
    case RT_CLASS_REAL: return k == RT_KIND_COMPLEX ? RT_NODTYPE : d;
    case RT_CLASS_REALNUM: return k == RT_KIND_COMPLEX || k == RT_KIND_BOOL ? RT_NODTYPE : d;
    case RT_CLASS_INEXACT: return floating;
    case RT_CLASS_FLOAT: return k == RT_KIND_COMPLEX ? RT_NODTYPE : floating;
    case RT_CLASS_COMPLEX: return k == RT_KIND_COMPLEX ? d : RT_NODTYPE;
    case RT_CLASS_INT: return k <= RT_KIND_SIGNED ? d : RT_NODTYPE;
    case RT_CLASS_INTNUM: return k == RT_KIND_UNSIGNED || k == RT_KIND_SIGNED ? d : RT_NODTYPE;
    }
    return RT_NODTYPE;
}

/* A dtype of the same kind that holds those without a loop of their own, RT_NODTYPE when there is none. */
static rt_dtype wider(const rt_op *op, rt_dtype d)
{
    const rt_kind k = rt_dtype_kind(d);
    if ((d == RT_f16 || d == RT_bf16) && op->loops[RT_f32]) return RT_f32;
    const rt_dtype widest = k == RT_KIND_COMPLEX ? RT_c128 : k == RT_KIND_FLOAT ? RT_f64 : k == RT_KIND_SIGNED ? RT_i64
                          : k == RT_KIND_UNSIGNED ? RT_u64 : RT_NODTYPE;
    return widest != RT_NODTYPE && op->loops[widest] ? widest : RT_NODTYPE;
}

static int resolve(const rt_op *op, rt_dtype d, rt_dtype *compute, rt_dtype *result)
{
    rt_dtype c = class_dtype(op, d);
    if (c == RT_NODTYPE) return -1;
    *result = op->logic ? RT_b1 : op->real_result ? rt_dtype_to_real(c) : c;
    if (!op->loops[c] && !op->select) {
        if (op->index == RT_OP_nextafter) return -1;      /* the next float32 is none of float16's */
        c = wider(op, c);
        if (c == RT_NODTYPE) return -1;
    }
    *compute = c;
    return 0;
}

int rt_op_resolve(const rt_op *op, rt_dtype promoted, rt_dtype *compute, rt_dtype *result)
{
    if (resolve(op, promoted, compute, result) == 0) return 0;
    return rt_error(rt_DtypeError, op->cls.name, "not defined for dtype %s", rt_dtypes[promoted].name);
}
