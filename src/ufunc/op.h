/* op: what can be computed.  ops.def is the table; a row becomes an rt_op here.
 * Floor: ufunc. */
#ifndef RT_UFUNC_OP_H
#define RT_UFUNC_OP_H
#include "core/node.h"
#include "backends/execute.h"

typedef enum {
    RT_ELEMENTWISE,   /* UNARY, UNARY_REAL, BINARY, TERNARY, PARAM1, PARAM2, the LOGIC kinds, SELECT */
    RT_REDUCE,
    RT_GUFUNC,        /* named C functions: matmul, softmax, gather, cat, ... */
    RT_VIEW,          /* no arithmetic: another window on the memory */
    RT_UPDATE         /* in place over lists: optimiser steps */
} rt_family;

/* Which dtypes an op is for, and what the others become.  (Column `class` of ops.def.) */
typedef enum {
    RT_CLASS_ALL,      /* everything */
    RT_CLASS_NUM,      /* all but bool */
    RT_CLASS_COUNT,    /* everything; bool becomes int64 */
    RT_CLASS_REAL,     /* all but complex */
    RT_CLASS_REALNUM,  /* neither bool nor complex */
    RT_CLASS_INEXACT,  /* float and complex; integers and bool become the default dtype */
    RT_CLASS_FLOAT,    /* float; integers and bool become the default dtype; no complex */
    RT_CLASS_COMPLEX,  /* complex only */
    RT_CLASS_INT,      /* integers and bool */
    RT_CLASS_INTNUM,   /* integers */
    RT_CLASS_BOOL      /* computed on truth values: loops for every dtype, result bool */
} rt_class;

/* What is kept for backward, in this order; INPUTS (all of them) and HIDDEN (all outputs but the first,
 * with OUT that too) go together. */
enum { RT_SAVE_X = 1, RT_SAVE_Y = 2, RT_SAVE_Z = 4, RT_SAVE_OUT = 8, RT_SAVE_OUT2 = 16, RT_SAVE_INPUTS = 32,
       RT_SAVE_HIDDEN = 64, RT_SAVE_OUT3 = 128, RT_SAVE_OUT4 = 256 };

typedef struct rt_op rt_op;
/* Forward of a named function: inputs borrowed; out[k] NULL (to be made, new reference) or the
 * given output (borrowed, to be written).  p may be changed into normal form (wrapped dims), which
 * is what the node keeps.  0 or -1. */
typedef int rt_forward_fn(const rt_op *op, int nin, const rt_operand *in, rt_params *p, rt_tensor **out);
typedef int rt_backward_fn(rt_node *node, rt_tensor *const *g, rt_tensor **gin);

typedef struct rt_rule rt_rule;        /* a derivative's text, parsed: derive.h */

struct rt_op {
    rt_node_class cls;                 /* name and backward: must stay first */
    const char *numpy;                 /* NumPy's ufunc of the same meaning, or "" */
    const char *signature;             /* arguments, see signature.h */
    const char *doc;
    const char *expression;            /* text of the expression or C function */
    const char *gradient[3];           /* texts, per input; NULL: not differentiable */
    const char *domain;                /* sample domain for tests: see elementwise.def */
    uint8_t family, klass, nin, nout;
    uint8_t logic;                     /* result is bool */
    uint8_t select;                    /* operand 0 is bool, the others share a dtype (where) */
    uint16_t saves;                    /* RT_SAVE_* for named rules */
    uint8_t differentiable;
    uint8_t real_result;               /* result is the real counterpart (abs, angle) */
    int16_t index;                     /* row number */
    rt_loop *loops[RT_NDTYPE];         /* by the dtype computed in; NULL: through another (rt_op_compute_dtype) */
    rt_loop *gradient_loops[3][RT_NDTYPE];  /* args (g, x, y, z, out) -> result, f32 and f64 */
    int8_t direct[RT_NDTYPE];          /* result dtype where the loop works in the input's own dtype, else -1 */
    rt_rule *rules[3];
    rt_forward_fn *forward;
    void *data;                        /* what an added row's loops and functions are handed; NULL in the table */
};

/* Row numbers: RT_OP_add, ... */
typedef enum {
#define RT_ROW(name) RT_OP_##name,
#include "ufunc/rows.h"
#undef RT_ROW
    RT_NOP
} rt_op_index;

extern rt_op rt_ops[RT_NOP];
int rt_ops_choose(const char *isa);                  /* loops of that instruction set; NULL: as at the start.  -1: not here */
int rt_ops_init(void);                               /* picks the ISA, fills loops, parses rules */
/* Rows that extensions add stand behind those of the table, for good: numbers RT_NOP .. rt_ops_count() - 1. */
int rt_ops_count(void);
const rt_op *rt_op_at(int index);
/* Adds a row (its name is free, its loops are filled): parses its rules, gives it its number.  Steals it when 0. */
RT_WARN_UNUSED int rt_op_add(rt_op *row);
const rt_op *rt_op_find(const char *name);           /* NULL when unknown */
const char *rt_ops_isa(void);                        /* "v2", "v3" */

/* The dtype an op computes in for a promoted input dtype, the loop's dtype (f16 -> f32, ...), and
 * the result's.  -1 with DtypeError when the op does not take it. */
int rt_op_resolve(const rt_op *op, rt_dtype promoted, rt_dtype *compute, rt_dtype *result);
#endif
