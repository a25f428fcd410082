/* scratch: memory of a thread's own for packed panels, kept until the thread ends.  Floor: backends.
 * Knows no Python. */
#include "backends/cpu/scratch.h"
#include <pthread.h>
#include <stdlib.h>

typedef struct { size_t bytes; char pad[56]; char data[]; } scratch;
static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;
static int scratch_works;
static void make_key(void) { scratch_works = pthread_key_create(&scratch_key, free) == 0; }

char *rt_scratch_take(size_t bytes)
{
    pthread_once(&scratch_once, make_key);
    if (!scratch_works) return NULL;
    scratch *s = pthread_getspecific(scratch_key);
    if (s && s->bytes >= bytes) return s->data;
    free(s);
    s = aligned_alloc(64, sizeof(scratch) + ((bytes + 63) & ~(size_t)63));
    pthread_setspecific(scratch_key, s);
    if (!s) return NULL;
    s->bytes = bytes;
    return s->data;
}
