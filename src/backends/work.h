/* work: what loops did, noted for whoever watches the thread that runs them.  Without a watcher a loop pays one test.
 * Floor: backends.  Knows no Python. */
#ifndef RT_BACKENDS_WORK_H
#define RT_BACKENDS_WORK_H
#include <stdint.h>

#define RT_WORK_SPANS 8

typedef struct {
    uint32_t loops;          /* plans run */
    uint32_t products;       /* of matrices */
    uint64_t elements;       /* of all plans */
    uint64_t rows;           /* pieces with one step per operand that the plans fell into: elements, at worst */
    uint64_t jumping;        /* elements of plans that step over more than a cache line from one to the next */
    uint64_t converted;      /* elements that went through conversion buffers */
    uint64_t moved;          /* bytes copied from one place to another as they are */
    uint16_t threads;        /* the most that were given to one loop; 0: none was asked for */
    uint8_t busy;            /* a loop found the pool taken and ran alone */
    uint8_t unlocked;        /* the GIL was given back */
    uint8_t nspans;          /* of `spans`; later ones are left out */
    struct { int64_t start_ns, stop_ns; int worker; } spans[RT_WORK_SPANS];   /* when workers of the pool took part */
} rt_work;

#define RT_WORK_LOCAL _Thread_local __attribute__((tls_model("initial-exec"), visibility("hidden")))
extern RT_WORK_LOCAL rt_work *rt_work_now;                               /* NULL: nobody watches this thread */
extern __attribute__((visibility("hidden"))) int (*rt_work_is_locked)(void);   /* does this thread hold the GIL? */

static inline void rt_work_unlocked(rt_work *w)
{
    if (rt_work_is_locked && !rt_work_is_locked()) w->unlocked = 1;
}
#endif
