/* scratch: memory of a thread's own.  Floor: backends, private to cpu/. */
#ifndef RT_BACKENDS_CPU_SCRATCH_H
#define RT_BACKENDS_CPU_SCRATCH_H
#include <stddef.h>

/* At least `bytes`, 64-byte aligned; NULL when there is no memory.  The next call of the same thread may take it. */
char *rt_scratch_take(size_t bytes);
#endif
