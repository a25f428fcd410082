/* storage: a counted block of memory and the way to give it back.  The same
 * struct holds our own memory, NumPy's, a DLPack producer's and a mapped file's;
 * only `release` differs.  Floor: core.  Counts are guarded by the GIL. */
#ifndef RT_CORE_STORAGE_H
#define RT_CORE_STORAGE_H
#include <stddef.h>
#include <stdint.h>

typedef enum { RT_CPU = 0, RT_CUDA = 1 } rt_device_type;
typedef struct { uint8_t type; int8_t index; } rt_device;

typedef struct rt_storage rt_storage;
struct rt_storage {
    intptr_t refs;
    char *data;                       /* lowest address that may be touched */
    size_t nbytes;
    void (*release)(rt_storage *);    /* gives back memory and the struct itself */
    void *owner;                      /* owned, meaning known to release */
    const char *writer;               /* borrowed: name of the op that wrote last in place, or NULL */
    uint32_t version;                 /* grows with every in-place write, shared by all views */
    rt_device device;
    uint8_t readonly;                 /* the memory itself may not be written */
    uint8_t pinned;                   /* keep out of resizing: others look at it */
};

static inline rt_storage *rt_storage_retain(rt_storage *s) { s->refs++; return s; }
static inline void rt_storage_release(rt_storage *s) { if (s && --s->refs == 0) s->release(s); }

/* Wraps memory of another owner; new reference, NULL with MemoryError set.
 * On failure the owner is not released. */
rt_storage *rt_storage_wrap(char *data, size_t nbytes, rt_device dev,
                            void (*release_owner)(void *owner), void *owner);
#endif
