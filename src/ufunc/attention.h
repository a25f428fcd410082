/* attention: what forward and backward of scaled dot product attention share.  Leading dimensions of query
 * (..., L, E), key (..., S, E), value (..., S, Ev) and mask (..., L, S) are broadcast; each of their
 * combinations is a task, cut into blocks of query rows.  Floor: ufunc. */
#ifndef RT_UFUNC_ATTENTION_H
#define RT_UFUNC_ATTENTION_H
#include <stdatomic.h>
#include "ufunc/kernels/attention.h"
#include "ufunc/kernels/random.h"
#include "ufunc/op.h"

enum { RT_ATTENTION_ROWS = 64, RT_ATTENTION_FEW = 8, RT_ATTENTION_SLOTS = 256 };

/* An operand or result as matrices: where they lie, in bytes along the leading dimensions. */
typedef struct {
    rt_tensor *t;                  /* owned */
    intptr_t steps[RT_MAX_NDIM];   /* 0 where broadcast */
    intptr_t row;                  /* elements from row to row, 0 where broadcast; within a row they are packed */
} rt_attention_side;

typedef struct {
    rt_dtype dtype;
    const rt_attentions *kernels;
    const rt_randoms *randoms;
    size_t item;
    int nlead;
    intptr_t lead[RT_MAX_NDIM], tasks, rows, keys, width, value_width;
    double scale, keep_scale;      /* of scores; of what dropout leaves */
    int causal, drops, drops_all;
    uint64_t below;
    rt_stream stream;
    rt_attention_side q, k, v, mask;   /* mask.t NULL: none; additive, of dtype */
    intptr_t line;                 /* elements from row to row of scores */
    char *scratch;                 /* owned: a slot a thread */
    size_t slot_bytes, part_bytes, turned_bytes;   /* of a block of scores; of a matrix turned for products */
    int packs;
    int slots;
    atomic_uchar busy[RT_ATTENTION_SLOTS];
} rt_attention;

/* Checks shapes, takes the operands in the dtype computed in; in[3] is the mask or none.  Drop it with rt_attention_end
 * in every case.  0 or -1. */
RT_WARN_UNUSED int rt_attention_begin(const char *op, const rt_operand *in, const rt_params *p, rt_attention *a);
void rt_attention_end(rt_attention *a);
/* Room for `parts` blocks of scores a thread, and where a task has several blocks for `turned` packed matrices. */
RT_WARN_UNUSED int rt_attention_scratch(rt_attention *a, int parts, int turned);
char *rt_attention_take(rt_attention *a, int *slot);
static inline void rt_attention_give(rt_attention *a, int slot) { atomic_store(&a->busy[slot], 0); }
/* A fresh tensor lead + (rows, columns), its dimensions in memory ordered as those of `like` when that has as many. */
RT_WARN_UNUSED rt_tensor *rt_attention_empty(const rt_attention *a, const rt_tensor *like, intptr_t rows, intptr_t columns);
/* The side of a tensor whose rows are packed already. */
void rt_attention_look(const rt_attention *a, rt_tensor *t, rt_attention_side *s);
char *rt_attention_at(const rt_attention *a, const rt_attention_side *s, intptr_t task, intptr_t row);
/* Keys that the query rows before `end` may see. */
static inline intptr_t rt_attention_seen(const rt_attention *a, intptr_t end)
{
    return a->causal && end < a->keys ? end : a->keys;
}
/* Key (or value) rows of a task as the B of many products x s^T, into `to`, unless they are those of the call `before`,
 * whose result is given (NULL: none); nothing where a->packs is 0. */
const char *rt_attention_turn(const rt_attention *a, const rt_attention_side *s, intptr_t task, intptr_t width,
                              const char *before, char *to);
/* out (m, n), its rows a->line apart, = x s^T for the first n rows of s; turned: from rt_attention_turn. */
void rt_attention_times(const rt_attention *a, const rt_attention_side *s, intptr_t task, intptr_t width, const char *turned,
                        const char *x, intptr_t x_row, intptr_t m, intptr_t n, char *out);
/* out (m, width) = x s, x (m, n) with rows a->line apart, s the first n rows of the side. */
void rt_attention_means(const rt_attention *a, const rt_attention_side *s, intptr_t task, intptr_t width, const char *x,
                        intptr_t m, intptr_t n, char *out, intptr_t out_row);
/* Drops elements of one row; the same whenever asked. */
void rt_attention_drop(const rt_attention *a, intptr_t task, intptr_t row, intptr_t n, char *x);
#endif
