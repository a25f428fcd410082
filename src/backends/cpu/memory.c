/* memory: the caching allocator for main memory.  A storage and its data are one block:
 *
 *   | rt_storage, bytes | data ...                     |      block and data 64-byte aligned
 *   0                   64                      bytes
 *
 * Up to 1 KiB of data there is a free list per 64 bytes, up to 2 MiB one per quarter of a power
 * of two; larger blocks are mapped, on huge pages where the kernel has them, and wait in one
 * short list, oldest first.  Every count below is in whole blocks, header included, so that
 * system_bytes == live_bytes + cached_bytes always.  The GIL is the lock; nothing here needs
 * care after fork.  Floor: backends. */
#include "backends/memory.h"
#include "backends/cpu/container.h"
#include "core/error.h"
#include "core/shape.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HEADER 64
#define SMALL_MAX 1024                       /* bytes of data */
#define SMALL_CLASSES (SMALL_MAX / 64 + 1)
#define LARGE_MIN ((size_t)2 << 20)          /* bytes of block: from here on mapped */
#define LARGE_UNIT ((size_t)64 << 10)        /* mapped blocks are multiples of it */
#define HUGE_PAGE ((size_t)2 << 20)
#define MEDIUM_CLASSES 48                    /* four for each power of two from 1 KiB to 2 MiB */
#define LARGE_KEPT 64

/* Address sanitizer sees a block's life only when it goes through malloc. */
#ifdef __SANITIZE_ADDRESS__
enum { KEEP_AT_START = 0, MAP_LARGE = 0 };
#else
enum { KEEP_AT_START = 1, MAP_LARGE = 1 };
#endif

typedef struct block {
    rt_storage storage;        /* must stay first; while free, owner is the next free block */
    size_t bytes;              /* of the whole block */
} block;
_Static_assert(sizeof(block) <= HEADER, "the header must leave data 64-byte aligned");

static block *small_free[SMALL_CLASSES], *medium_free[MEDIUM_CLASSES];
static block *large_free[LARGE_KEPT];        /* oldest first */
static int large_count;
static int caching = KEEP_AT_START;
static uint64_t limit, limit_set;            /* cache bound; known once limit_set */
static uint64_t count, fail_count = UINT64_MAX, count_base;
static uint64_t cache_hits, live_bytes, peak_bytes, cached_bytes;

static uint64_t cache_limit(void)
{
    if (!limit_set) {
        limit = rt_container_memory() / 4;
        limit_set = 1;
    }
    return limit;
}

/* ---- the system ---------------------------------------------------------------------- */

static int is_mapped(size_t bytes) { return MAP_LARGE && bytes >= LARGE_MIN; }

/* Mapped at a multiple of the huge page: take one more and give back both ends. */
static void *map_large(size_t bytes)
{
    size_t room = bytes + HUGE_PAGE;
    char *p = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return NULL;
    size_t before = (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE;
    if (before) munmap(p, before);
    munmap(p + before + bytes, room - before - bytes);
#ifdef MADV_HUGEPAGE
    madvise(p + before, bytes, MADV_HUGEPAGE);
#endif
    return p + before;
}

static block *system_take(size_t bytes)
{
    void *p = NULL;
    if (is_mapped(bytes)) p = map_large(bytes);
    else if (posix_memalign(&p, 64, bytes) != 0) p = NULL;
    if (p) ((block *)p)->bytes = bytes;
    return p;
}

static void system_give(block *b)
{
    if (is_mapped(b->bytes)) munmap(b, b->bytes);
    else free(b);
}

/* ---- size classes -------------------------------------------------------------------- */

/* Bytes of data rounded up to a quarter of a power of two; its class number. */
static int medium_class(size_t data, size_t *rounded)
{
    int top = 63 - __builtin_clzll(data - 1);      /* 2^top <= data-1: data in (2^top, 2^(top+1)] */
    size_t quarter = (size_t)1 << (top - 2);
    size_t step = (data - 1 - ((size_t)1 << top)) / quarter;
    *rounded = ((size_t)1 << top) + (step + 1) * quarter;
    return (top - 10) * 4 + (int)step;
}

/* The list a small or medium block waits in; NULL for large ones. */
static block **list_of(const block *b)
{
    size_t data = b->bytes - HEADER, rounded;
    if (data <= SMALL_MAX) return &small_free[data / 64];
    if (b->bytes >= LARGE_MIN) return NULL;
    return &medium_free[medium_class(data, &rounded)];
}

/* ---- the cache ----------------------------------------------------------------------- */

static void large_drop(int at)
{
    cached_bytes -= large_free[at]->bytes;
    large_count--;
    memmove(&large_free[at], &large_free[at + 1], (size_t)(large_count - at) * sizeof *large_free);
}

static void evict_large(void)
{
    block *b = large_free[0];
    large_drop(0);
    system_give(b);
}

static void empty_list(block **list)
{
    for (block *b = *list, *next; b; b = next) {
        next = b->storage.owner;
        cached_bytes -= b->bytes;
        system_give(b);
    }
    *list = NULL;
}

/* Best fit among waiting mapped blocks that waste at most a quarter; of equal ones the newest, which the caches may
 * still hold. */
static block *large_find(size_t bytes)
{
    int best = -1;
    for (int i = 0; i < large_count; i++) {
        size_t has = large_free[i]->bytes;
        if (has >= bytes && has - bytes <= bytes / 4 && (best < 0 || has <= large_free[best]->bytes)) best = i;
    }
    if (best < 0) return NULL;
    block *b = large_free[best];
    large_drop(best);
    return b;
}

static void block_release(rt_storage *s)
{
    block *b = (block *)s;
    live_bytes -= b->bytes;
    block **list = list_of(b);
    if (!caching || cached_bytes + b->bytes > (list ? cache_limit() : UINT64_MAX)) {
        system_give(b);
    } else if (list) {
        s->owner = *list;
        *list = b;
        cached_bytes += b->bytes;
    } else {
        while (large_count && (large_count == LARGE_KEPT || cached_bytes + b->bytes > cache_limit())) evict_large();
        if (cached_bytes + b->bytes > cache_limit()) {
            system_give(b);
        } else {
            large_free[large_count++] = b;
            cached_bytes += b->bytes;
        }
    }
}

static inline rt_storage *block_open(block *b, size_t nbytes, rt_device dev)
{
    live_bytes += b->bytes;
    if (live_bytes > peak_bytes) peak_bytes = live_bytes;
    b->storage = (rt_storage){.refs = 1, .data = (char *)b + HEADER, .nbytes = nbytes,
                              .release = block_release, .device = dev};
    return &b->storage;
}

static rt_storage *out_of_memory(size_t nbytes)
{
    PyErr_Format(PyExc_MemoryError, "cannot allocate %zu bytes", nbytes);
    return NULL;
}

/* A fresh block or, above SMALL_MAX, a waiting one. */
static rt_storage *alloc_slow(size_t nbytes, rt_device dev)
{
    size_t data = (nbytes + 63) & ~(size_t)63, bytes;
    block *b = NULL;
    if (nbytes > (size_t)INTPTR_MAX - 2 * HUGE_PAGE) return out_of_memory(nbytes);
    if (data > SMALL_MAX) {
        int k = medium_class(data, &data);
        if (data + HEADER < LARGE_MIN) {
            b = medium_free[k];
            if (b) {
                medium_free[k] = b->storage.owner;
                cached_bytes -= b->bytes;
            }
            bytes = data + HEADER;
        } else {
            bytes = (nbytes + HEADER + LARGE_UNIT - 1) & ~(LARGE_UNIT - 1);
            if (bytes < LARGE_MIN) bytes = LARGE_MIN;
            b = large_find(bytes);
        }
    } else {
        bytes = data + HEADER;
    }
    if (b) {
        cache_hits++;
        return block_open(b, nbytes, dev);
    }
    b = system_take(bytes);
    if (!b) {
        rt_memory_empty_cache();
        b = system_take(bytes);
    }
    return b ? block_open(b, nbytes, dev) : out_of_memory(nbytes);
}

rt_storage *rt_memory_alloc(size_t nbytes, rt_device dev)
{
    if (__builtin_expect(dev.type != RT_CPU, 0)) {
        PyErr_SetString(rt_DeviceError, "this build of rustorch has no memory on CUDA devices");
        return NULL;
    }
    if (__builtin_expect(++count == fail_count, 0)) return out_of_memory(nbytes);
    if (__builtin_expect(nbytes <= SMALL_MAX, 1)) {
        block **list = &small_free[(nbytes + 63) / 64], *b = *list;
        if (__builtin_expect(b != NULL, 1)) {
            *list = b->storage.owner;
            cached_bytes -= b->bytes;
            cache_hits++;
            return block_open(b, nbytes, dev);
        }
    }
    return alloc_slow(nbytes, dev);
}

/* ---- control ------------------------------------------------------------------------- */

void rt_memory_get_stats(rt_memory_stats *out)
{
    *out = (rt_memory_stats){.allocations = count, .cache_hits = cache_hits, .live_bytes = live_bytes,
                             .peak_bytes = peak_bytes, .cached_bytes = cached_bytes,
                             .system_bytes = live_bytes + cached_bytes, .limit_bytes = cache_limit()};
}

void rt_memory_reset_peak(void) { peak_bytes = live_bytes; }

void rt_memory_empty_cache(void)
{
    for (int k = 0; k < SMALL_CLASSES; k++) empty_list(&small_free[k]);
    for (int k = 0; k < MEDIUM_CLASSES; k++) empty_list(&medium_free[k]);
    while (large_count) evict_large();
}

void rt_memory_set_limit(size_t bytes)
{
    limit = bytes;
    limit_set = 1;
    if (cached_bytes > bytes) rt_memory_empty_cache();
}

void rt_memory_set_caching(int enabled)
{
    caching = enabled;
    if (!enabled) rt_memory_empty_cache();
}

uint64_t rt_memory_fail_at(uint64_t n)
{
    uint64_t since = count - count_base;
    count_base = count;
    fail_count = n ? count + n : UINT64_MAX;
    return since;
}

void *rt_memory_try(size_t nbytes)
{
    void *p = ++count == fail_count ? NULL : malloc(nbytes ? nbytes : 1);
    if (!p) out_of_memory(nbytes);
    return p;
}

void rt_memory_free(void *p) { free(p); }

/* ---- tensors ------------------------------------------------------------------------- */

rt_tensor *rt_empty(rt_dtype dtype, int ndim, const intptr_t *shape, rt_device dev)
{
    intptr_t size = rt_shape_size(ndim, shape, rt_itemsize(dtype));
    if (size < 0) return NULL;
    rt_storage *s = rt_memory_alloc((size_t)size * rt_itemsize(dtype), dev);
    return s ? rt_tensor_wrap(s, s->data, dtype, ndim, shape, NULL) : NULL;
}

/* C-order steps for t's shape with its dimensions in t's own order; 0 when t has gaps,
 * repeats or runs backwards. */
static int dense_steps(const rt_tensor *t, intptr_t itemsize, intptr_t *steps)
{
    int order[RT_MAX_NDIM], n = t->ndim;
    for (int d = 0; d < n; d++) {                  /* insertion sort, outermost first; stable */
        int k = d;
        while (k > 0 && t->steps[order[k - 1]] < t->steps[d]) {
            order[k] = order[k - 1];
            k--;
        }
        order[k] = d;
    }
    intptr_t expected = (intptr_t)rt_tensor_itemsize(t), step = itemsize;
    for (int k = n - 1; k >= 0; k--) {
        int d = order[k];
        if (t->shape[d] != 1 && t->steps[d] != expected) return 0;
        steps[d] = step;
        expected *= t->shape[d];
        step *= t->shape[d];
    }
    return 1;
}

rt_tensor *rt_empty_like(const rt_tensor *t, rt_dtype dtype)
{
    rt_device dev = t->storage->device;
    intptr_t steps[RT_MAX_NDIM];
    if (rt_tensor_is_contiguous(t) || t->size == 0 || !dense_steps(t, (intptr_t)rt_itemsize(dtype), steps))
        return rt_empty(dtype, t->ndim, t->shape, dev);
    intptr_t size = rt_shape_size(t->ndim, t->shape, rt_itemsize(dtype));
    if (size < 0) return NULL;
    rt_storage *s = rt_memory_alloc((size_t)size * rt_itemsize(dtype), dev);
    return s ? rt_tensor_wrap(s, s->data, dtype, t->ndim, t->shape, steps) : NULL;
}

static int enlarge(rt_tensor *t, size_t bytes)
{
    rt_storage *s = rt_memory_alloc(bytes, t->storage->device);
    if (!s) return -1;
    size_t have = (size_t)(t->storage->data + t->storage->nbytes - t->data);
    if (have) memcpy(s->data, t->data, have < bytes ? have : bytes);
    rt_storage_release(t->storage);
    t->storage = s;
    t->data = s->data;
    Py_CLEAR(t->base);               /* it shares memory no more */
    return 0;
}

int rt_resize(rt_tensor *t, int ndim, const intptr_t *shape, const intptr_t *steps)
{
    size_t item = rt_tensor_itemsize(t);
    intptr_t size = rt_shape_size(ndim, shape, item);
    if (size < 0) return -1;
    size_t bytes = (size_t)size * item;
    if (bytes > (size_t)(t->storage->data + t->storage->nbytes - t->data) && enlarge(t, bytes) < 0) return -1;
    return rt_tensor_reshape_to(t, ndim, shape, steps);
}
