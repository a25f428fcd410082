/* signature: the arguments of an op, as text in its row, parsed once at start.
 *
 *   "x, dim:ints?=None, keepdim:bool=False, *, dtype:dtype?=None"
 *
 * An item is name[:type][=default]; what follows `*` is keyword-only.  Types:
 *   (none)    tensor, array-like or Python scalar   -> next operand
 *   tensor?   the same or None                      -> next operand, none=1 when None
 *   tensors   a sequence of them                    -> as many operands as it has
 *   int int?  -> params.i   (None: RT_NONE_INT)         bool  -> params.i (0, 1)
 *   float     -> params.f                               dtype? -> params.i (RT_NODTYPE for None)
 *   ints ints? -> params.list, params.n (-1: None); a lone int counts as a list of one; when it
 *             is the last positional argument it also takes f(x, 1, 2, 3)
 *   a|b|c     one of these words -> params.i (its number)
 * Every type has its own counter: the k-th int-like argument is params.i[k].
 * `axis`, `keepdims`, `input`, `self`, `other`, `x1`, `x2`, `a` stand for dim, keepdim, x, x, y, x, y, x.
 * `out=` is understood for every row but views.  A row with hidden outputs ends in "-> n": only
 * the first n are handed to the caller.  Floor: ufunc. */
#ifndef RT_UFUNC_SIGNATURE_H
#define RT_UFUNC_SIGNATURE_H
#include "core/params.h"

typedef enum { RT_ARG_TENSOR, RT_ARG_TENSOR_OPT, RT_ARG_TENSORS, RT_ARG_INT, RT_ARG_INT_OPT, RT_ARG_BOOL,
               RT_ARG_FLOAT, RT_ARG_DTYPE, RT_ARG_INTS, RT_ARG_INTS_OPT, RT_ARG_WORD } rt_arg_type;

#define RT_MAX_ARGS 12
typedef struct {
    char name[24];
    uint8_t type, keyword_only, has_default, default_none;
    double default_value;            /* number, flag, word's number; for ints a one-element list */
    char words[8][16];
    uint8_t nwords;
} rt_arg;
typedef struct {
    int nargs;
    int npublic;                     /* results that are shown; 0: all */
    int nrequired;                   /* arguments without a default */
    int npositional;                 /* arguments that may be given by position; they are the first ones */
    rt_arg args[RT_MAX_ARGS];
} rt_signature;

/* 0, or -1 with SystemError: a row's text is wrong (found at import, so by every test). */
int rt_signature_parse(const char *text, rt_signature *out);
#endif
