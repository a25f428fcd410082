/* table: what the kernel sources export to one another: the tables of one instruction set, which
 * table.c binds together, and the marks that functions in kernels carry.  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_TABLE_H
#define RT_UFUNC_KERNELS_TABLE_H
#include "ufunc/kernels/copy.h"
#include "ufunc/kernels/isa.h"

#define PASTE2(a, b) a##b
#define PASTE(a, b) PASTE2(a, b)
#define ALWAYS static inline __attribute__((always_inline, unused))
#define UNUSED __attribute__((unused))
/* rt_<stem>_<isa> */
#define RT_ISA_NAME(stem) PASTE(rt_##stem##_, RT_ISA)

/* The same of the ISA that lends what this one has not of its own (itself, where it has all). */
#define RT_BASE_NAME(stem) PASTE(rt_##stem##_, RT_BASE_ISA)

/* The dtypes with elementwise loops of their own, besides f32 and f64. */
#define RT_OTHER_WORDS(WORD) \
    WORD(b1) WORD(u8) WORD(i8) WORD(u16) WORD(i16) WORD(u32) WORD(i32) WORD(u64) WORD(i64) WORD(c64) WORD(c128)

#define WORD(word) extern rt_loop *const RT_BASE_NAME(loops_##word)[RT_NKERNEL];
RT_OTHER_WORDS(WORD)
#undef WORD
extern rt_loop *const RT_ISA_NAME(loops_f32)[RT_NKERNEL];
extern rt_loop *const RT_ISA_NAME(loops_f64)[RT_NKERNEL];
extern rt_loop *const RT_ISA_NAME(loops_f16)[RT_NKERNEL];      /* where RT_NARROW is set */
extern rt_loop *const RT_ISA_NAME(loops_bf16)[RT_NKERNEL];
extern rt_loop *const RT_ISA_NAME(gradients_f32)[RT_NKERNEL][3];
extern rt_loop *const RT_ISA_NAME(gradients_f64)[RT_NKERNEL][3];
extern rt_loop *const RT_BASE_NAME(casts)[RT_NDTYPE][RT_NDTYPE];
extern rt_loop *const RT_ISA_NAME(copies)[5];     /* likewise */
rt_copier RT_ISA_NAME(copy_1), RT_ISA_NAME(copy_2), RT_ISA_NAME(copy_4), RT_ISA_NAME(copy_8), RT_ISA_NAME(copy_16);
/* n bytes past the cache; who calls it fences before others read them. */
void RT_ISA_NAME(copy_stream)(char *to, const char *from, intptr_t n);
extern rt_loop *const RT_BASE_NAME(selects)[5];   /* by log2 of the itemsize */
extern const rt_ranges RT_BASE_NAME(ranges);
extern rt_reducer_table RT_BASE_NAME(reducers);
extern rt_scanner_table RT_BASE_NAME(scanners);
extern rt_orderer_table RT_BASE_NAME(orderers);
extern rt_keys_table RT_BASE_NAME(keys);
extern const rt_quick RT_ISA_NAME(quick_i32), RT_ISA_NAME(quick_i64);
extern const rt_rowwise RT_ISA_NAME(rowwise_f32), RT_ISA_NAME(rowwise_f64);
extern const rt_entropies RT_ISA_NAME(entropies_f32), RT_ISA_NAME(entropies_f64);
extern const rt_norms RT_ISA_NAME(norms_f32), RT_ISA_NAME(norms_f64);
extern const rt_ffts RT_ISA_NAME(ffts_f32), RT_ISA_NAME(ffts_f64);
extern const rt_attentions RT_ISA_NAME(attentions_f32), RT_ISA_NAME(attentions_f64);
extern const rt_rnns RT_ISA_NAME(rnns_f32), RT_ISA_NAME(rnns_f64);
extern const rt_updates RT_ISA_NAME(updates_f32), RT_ISA_NAME(updates_f64);
extern const rt_randoms RT_BASE_NAME(randoms_f32), RT_BASE_NAME(randoms_f64);
#define WORD(word) extern const rt_sparses RT_BASE_NAME(sparses_##word);
WORD(f32) WORD(f64) WORD(c64) WORD(c128) WORD(i64)
#undef WORD
extern const rt_windows RT_BASE_NAME(windows_f32), RT_BASE_NAME(windows_f64), RT_BASE_NAME(windows_i64);
#endif
