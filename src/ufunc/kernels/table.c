/* table: binds the kernels of one instruction set into its rt_isa.
 * What it has not compiled itself comes from RT_BASE_ISA.  Floor: ufunc/kernels. */
#include "ufunc/kernels/table.h"

#define TEXT2(a) #a
#define TEXT(a) TEXT2(a)

const rt_isa PASTE(rt_isa_, RT_ISA) = {
    .name = TEXT(RT_ISA),
#define WORD(word) [RT_##word] = RT_BASE_NAME(loops_##word),
    .loops = {RT_OTHER_WORDS(WORD) [RT_f32] = RT_ISA_NAME(loops_f32), [RT_f64] = RT_ISA_NAME(loops_f64),
#ifdef RT_NARROW
              [RT_f16] = RT_ISA_NAME(loops_f16), [RT_bf16] = RT_ISA_NAME(loops_bf16),
#endif
    },
#undef WORD
    .gradients = {[RT_f32] = RT_ISA_NAME(gradients_f32), [RT_f64] = RT_ISA_NAME(gradients_f64)},
    .casts = RT_BASE_NAME(casts),
    .selects = RT_BASE_NAME(selects),
    .copies = RT_ISA_NAME(copies),
    .reducers = {
        [RT_REDUCE_SUM] = RT_BASE_NAME(reducers)[RT_REDUCE_SUM],
        [RT_REDUCE_PROD] = RT_BASE_NAME(reducers)[RT_REDUCE_PROD],
        [RT_REDUCE_MAX] = RT_BASE_NAME(reducers)[RT_REDUCE_MAX],
        [RT_REDUCE_MIN] = RT_BASE_NAME(reducers)[RT_REDUCE_MIN],
        [RT_REDUCE_ARGMAX] = RT_BASE_NAME(reducers)[RT_REDUCE_ARGMAX],
        [RT_REDUCE_ARGMIN] = RT_BASE_NAME(reducers)[RT_REDUCE_ARGMIN],
        [RT_REDUCE_ANY] = RT_BASE_NAME(reducers)[RT_REDUCE_ANY],
        [RT_REDUCE_ALL] = RT_BASE_NAME(reducers)[RT_REDUCE_ALL],
        [RT_REDUCE_SUMSQ] = RT_BASE_NAME(reducers)[RT_REDUCE_SUMSQ],
        [RT_REDUCE_NANSUM] = RT_BASE_NAME(reducers)[RT_REDUCE_NANSUM],
        [RT_REDUCE_NONZERO] = RT_BASE_NAME(reducers)[RT_REDUCE_NONZERO],
    },
    .scanners = {
        [RT_SCAN_SUM] = RT_BASE_NAME(scanners)[RT_SCAN_SUM],
        [RT_SCAN_PROD] = RT_BASE_NAME(scanners)[RT_SCAN_PROD],
        [RT_SCAN_MAX] = RT_BASE_NAME(scanners)[RT_SCAN_MAX],
        [RT_SCAN_MIN] = RT_BASE_NAME(scanners)[RT_SCAN_MIN],
        [RT_SCAN_LOGSUM] = RT_BASE_NAME(scanners)[RT_SCAN_LOGSUM],
    },
    .ranges = &RT_BASE_NAME(ranges),
    .orderers = RT_BASE_NAME(orderers),
    .keys = RT_BASE_NAME(keys),
    .quick = {[4] = &RT_ISA_NAME(quick_i32), [8] = &RT_ISA_NAME(quick_i64)},
    .rowwise = {[RT_f32] = &RT_ISA_NAME(rowwise_f32), [RT_f64] = &RT_ISA_NAME(rowwise_f64)},
    .entropies = {[RT_f32] = &RT_ISA_NAME(entropies_f32), [RT_f64] = &RT_ISA_NAME(entropies_f64)},
    .norms = {[RT_f32] = &RT_ISA_NAME(norms_f32), [RT_f64] = &RT_ISA_NAME(norms_f64)},
    .ffts = {[RT_f32] = &RT_ISA_NAME(ffts_f32), [RT_f64] = &RT_ISA_NAME(ffts_f64)},
    .attentions = {[RT_f32] = &RT_ISA_NAME(attentions_f32), [RT_f64] = &RT_ISA_NAME(attentions_f64)},
    .rnns = {[RT_f32] = &RT_ISA_NAME(rnns_f32), [RT_f64] = &RT_ISA_NAME(rnns_f64)},
    .updates = {[RT_f32] = &RT_ISA_NAME(updates_f32), [RT_f64] = &RT_ISA_NAME(updates_f64)},
    .windows = {[RT_f32] = &RT_BASE_NAME(windows_f32), [RT_f64] = &RT_BASE_NAME(windows_f64),
                [RT_i64] = &RT_BASE_NAME(windows_i64)},
#define WORD(word) [RT_##word] = &RT_BASE_NAME(sparses_##word),
    .sparses = {WORD(f32) WORD(f64) WORD(c64) WORD(c128) WORD(i64)},
#undef WORD
    .randoms = {[RT_f32] = &RT_BASE_NAME(randoms_f32), [RT_f64] = &RT_BASE_NAME(randoms_f64)},
};
