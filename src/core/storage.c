/* storage: wrapping memory that somebody else owns.  Our own memory comes from
 * backends/memory.h with its header in the same block.  Floor: core. */
#include "core/storage.h"
#include <Python.h>

typedef struct {
    rt_storage base;
    void (*release_owner)(void *);
} wrapped;

static void wrapped_release(rt_storage *s)
{
    wrapped *w = (wrapped *)s;
    if (w->release_owner) w->release_owner(s->owner);
    PyMem_Free(w);
}

rt_storage *rt_storage_wrap(char *data, size_t nbytes, rt_device dev, void (*release_owner)(void *), void *owner)
{
    wrapped *w = PyMem_Calloc(1, sizeof *w);
    if (!w) {
        PyErr_NoMemory();
        return NULL;
    }
    w->base.refs = 1;
    w->base.data = data;
    w->base.nbytes = nbytes;
    w->base.release = wrapped_release;
    w->base.owner = owner;
    w->base.device = dev;
    w->base.pinned = 1;
    w->release_owner = release_owner;
    return &w->base;
}
