/* isa: which build of the kernels runs.  Chosen once at import: the best that the processor has,
 * or the one that RUSTORCH_ISA names.  Floor: ufunc/kernels. */
#include <string.h>
#include "ufunc/kernels/isa.h"

const rt_isa *rt_isa_now;

#if defined(__x86_64__)
static int has_v2(void) { return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt"); }
static int has_v3(void)
{
    return has_v2() && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("f16c");
}
static int has_v4(void)
{
    return has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd");
}
/* Best first. */
static const struct { const rt_isa *isa; int (*here)(void); } builds[] = {{&rt_isa_v4, has_v4}, {&rt_isa_v3, has_v3}, {&rt_isa_v2, has_v2}};
#else
static int has_portable(void) { return 1; }
static const struct { const rt_isa *isa; int (*here)(void); } builds[] = {{&rt_isa_portable, has_portable}};
#endif

int rt_isa_choose(const char *wanted)
{
    for (size_t i = 0; i < sizeof builds / sizeof *builds; i++) {
        if (wanted && strcmp(wanted, builds[i].isa->name)) continue;
        if (!builds[i].here()) continue;
        rt_isa_now = builds[i].isa;
        return 0;
    }
    return -1;
}
