/* memory: where our own blocks come from.  A caching allocator: freed blocks wait,
 * sorted by size class, for the next request, because fresh pages cost more than the
 * arithmetic on them.  Floor: backends.  Call with the GIL held. */
#ifndef RT_BACKENDS_MEMORY_H
#define RT_BACKENDS_MEMORY_H
#include "core/tensor.h"

/* New storage of at least nbytes (0 allowed), 64-byte aligned data, uninitialised.
 * NULL with MemoryError naming the size.  Header and small data are one block. */
RT_WARN_UNUSED rt_storage *rt_memory_alloc(size_t nbytes, rt_device dev);

typedef struct {
    uint64_t allocations, cache_hits, live_bytes, peak_bytes, cached_bytes, system_bytes, limit_bytes;
} rt_memory_stats;
void rt_memory_get_stats(rt_memory_stats *out);
void rt_memory_reset_peak(void);
/* Gives all cached blocks back to the system. */
void rt_memory_empty_cache(void);
/* At most this many bytes are kept in the cache (default: a quarter of the container's memory). */
void rt_memory_set_limit(size_t bytes);
/* enabled 0: every block goes straight back to the system. */
void rt_memory_set_caching(int enabled);
/* For tests: the n-th allocation from now on fails (0: never), also those of small objects
 * taken through rt_memory_try.  Returns the number of allocations since the last call. */
uint64_t rt_memory_fail_at(uint64_t n);
/* malloc/free that take part in rt_memory_fail_at; NULL with MemoryError. */
void *rt_memory_try(size_t nbytes);
void rt_memory_free(void *p);

/* New uninitialised tensor in C order; checks the size. */
RT_WARN_UNUSED rt_tensor *rt_empty(rt_dtype dtype, int ndim, const intptr_t *shape, rt_device dev);
/* The same with t's dtype, shape and, when t is dense, order of dimensions. */
RT_WARN_UNUSED rt_tensor *rt_empty_like(const rt_tensor *t, rt_dtype dtype);
/* Gives t another shape over its storage (steps NULL: C order; else those of a dense order); when that is too
 * small, over a larger copy of it, which t's views and base do not follow.  The caller has asked whether t may
 * be written. */
RT_WARN_UNUSED int rt_resize(rt_tensor *t, int ndim, const intptr_t *shape, const intptr_t *steps);
#endif
