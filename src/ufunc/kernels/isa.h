/* isa: what one build of the kernels for an instruction set exports.  The same sources are
 * compiled once per ISA with RT_ISA set (v2: x86-64-v2, v3: AVX2+FMA+F16C, v4: AVX-512, portable elsewhere).
 * Kernels include neither Python.h nor NumPy; they may not fail, allocate or take locks,
 * and never read outside the operands they were given.  Floor: ufunc. */
#ifndef RT_UFUNC_KERNELS_ISA_H
#define RT_UFUNC_KERNELS_ISA_H
#include "core/dtype.h"
#include "backends/execute.h"
#include "ufunc/kernels/order.h"
#include "ufunc/kernels/attention.h"
#include "ufunc/kernels/cross_entropy.h"
#include "ufunc/kernels/fft.h"
#include "ufunc/kernels/keys.h"
#include "ufunc/kernels/norm.h"
#include "ufunc/kernels/quick.h"
#include "ufunc/kernels/random.h"
#include "ufunc/kernels/ranges.h"
#include "ufunc/kernels/reduce.h"
#include "ufunc/kernels/rnn.h"
#include "ufunc/kernels/rowwise.h"
#include "ufunc/kernels/update.h"
#include "ufunc/kernels/scan.h"
#include "ufunc/kernels/sparse.h"
#include "ufunc/kernels/windows.h"

/* The elementwise rows, numbered as in rt_op_index. */
enum {
#define RT_ROW(name) RT_KERNEL_##name,
#include "ufunc/elementwise_rows.h"
#undef RT_ROW
    RT_NKERNEL
};

typedef struct {
    const char *name;
    /* [dtype] -> array over elementwise rows, or NULL when no row has loops of its own in that dtype */
    rt_loop *const *loops[RT_NDTYPE];
    /* [dtype] -> array over rows of three gradient loops; args (g, x, y, z, out, result) */
    rt_loop *const (*gradients[RT_NDTYPE])[3];
    rt_loop *const (*casts)[RT_NDTYPE];          /* casts[from][to], all present */
    rt_loop *const *selects;                     /* where(c, x, y) by log2 of the itemsize, 0..4 */
    rt_loop *const *copies;                      /* x, likewise */
    const rt_reducer *reducers[RT_REDUCE_COUNT]; /* [kind] -> array over dtypes */
    const rt_scanner *scanners[RT_SCAN_COUNT];   /* likewise */
    const rt_orderer *orderers;                  /* sorting and ranking, by dtype */
    const rt_keys *keys;                         /* elements as keys, by dtype */
    const rt_quick *quick[9];                    /* sorting keys, by their bytes */
    const rt_rowwise *rowwise[RT_NDTYPE];        /* fused row kernels, or NULL */
    const rt_entropies *entropies[RT_NDTYPE];    /* cross entropy: f32 and f64 */
    const rt_norms *norms[RT_NDTYPE];            /* normalisations: f32 and f64 */
    const rt_attentions *attentions[RT_NDTYPE];  /* softmax of scores: f32 and f64 */
    const rt_rnns *rnns[RT_NDTYPE];              /* recurrent steps: f32 and f64 */
    const rt_updates *updates[RT_NDTYPE];        /* optimiser steps: f32 and f64 */
    const rt_randoms *randoms[RT_NDTYPE];        /* random numbers: f32 and f64 */
    const rt_windows *windows[RT_NDTYPE];        /* pools and resampling: f32, f64 and i64 */
    const rt_sparses *sparses[RT_NDTYPE];        /* products of sparse matrices: f32, f64, c64, c128 and i64 */
    const rt_ranges *ranges;                     /* sequences of numbers */
    const rt_ffts *ffts[RT_NDTYPE];              /* Fourier transforms: f32 and f64 */
} rt_isa;

extern const rt_isa rt_isa_v2, rt_isa_v3, rt_isa_v4, rt_isa_portable;
/* The one in force, chosen at import (isa.c): best the CPU has, or RUSTORCH_ISA. */
extern const rt_isa *rt_isa_now;
int rt_isa_choose(const char *wanted);   /* NULL: best.  -1 when unknown or the CPU lacks it */
#endif
