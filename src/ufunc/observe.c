/* observe: the list of observers, and telling them.  An observer that goes while events are told is only marked
 * and leaves the list afterwards, because callbacks may run other threads.  Floor: ufunc. */
#include "ufunc/observe.h"
#include "backends/memory.h"
#include <stddef.h>
#include <string.h>
#include <time.h>

rt_observer *rt_observers;

/* Events that Python opens and may leave open: no pointer to one is kept. */
enum { UNTIED = RT_EVENT_RANGE | RT_EVENT_NUMPY };

static uint64_t events;                       /* begun so far */
static int walks;                             /* through the list, under way: nobody may leave it */
static RT_THREAD_LOCAL int depth, op_depth, backward_depth, told;   /* events open in this thread; telling now? */

int64_t rt_event_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int rt_event_is_told(void) { return told; }

static void sweep(void)
{
    for (rt_observer **at = &rt_observers; *at;) {
        rt_observer *o = *at;
        if (!o->removed) {
            at = &o->next;
            continue;
        }
        *at = o->next;
        if (o->gone) o->gone(o);
        at = &rt_observers;                   /* whoever went may have changed the list */
    }
}

void rt_observer_add(rt_observer *o)
{
    rt_observer **at = &rt_observers;
    while (*at) at = &(*at)->next;
    o->since = events;
    o->removed = 0;
    o->next = NULL;
    *at = o;
}

void rt_observer_remove(rt_observer *o)
{
    o->removed = 1;
    if (!walks) sweep();
}

static int concerns(const rt_observer *o, const rt_event *e)
{
    return !o->removed && (o->kinds & e->kind) && e->number > o->since && (!o->thread || o->thread == e->thread);
}

/* Runs one callback for all whom the event concerns; the first exception stays. */
static int tell(rt_event *e, int ends)
{
    int status = 0;
    walks++;
    told = 1;
    for (rt_observer *o = rt_observers; o; o = o->next) {
        int (*fn)(rt_observer *, rt_event *) = ends ? o->end : o->begin;
        if (!fn || !concerns(o, e)) continue;
        PyObject *type, *value, *trace;
        PyErr_Fetch(&type, &value, &trace);
        if (fn(o, e) < 0) status = -1;
        if (type) {                           /* the first one is the one to tell */
            PyErr_Clear();
            PyErr_Restore(type, value, trace);
        }
        if (status < 0 && !ends) break;
    }
    told = 0;
    if (--walks == 0) sweep();
    return status;
}

int rt_event_begin(rt_event *e)
{
    rt_memory_stats memory;
    e->number = ++events;
    e->thread = PyThread_get_thread_ident();
    e->depth = depth;
    e->in_op = op_depth;
    e->in_backward = backward_depth;
    e->status = e->tainted = 0;
    if (tell(e, 0) < 0) return -1;
    depth++;
    op_depth += (e->kind & (RT_EVENT_OP | RT_EVENT_NODE)) != 0;
    backward_depth += e->kind == RT_EVENT_BACKWARD;
    rt_memory_get_stats(&memory);
    e->bytes = memory.live_bytes;
    e->allocations = memory.allocations;
    memset(&e->work, 0, offsetof(rt_work, spans));
    e->outer = rt_work_now;
    if (!(e->kind & UNTIED)) rt_work_now = &e->work;
    rt_work_is_locked = PyGILState_Check;
    e->start_ns = rt_event_clock();
    return 0;
}

int rt_event_end(rt_event *e, int status)
{
    rt_memory_stats memory;
    e->stop_ns = rt_event_clock();
    e->status = status;
    rt_memory_get_stats(&memory);
    e->bytes = memory.live_bytes - e->bytes;
    e->allocations = memory.allocations - e->allocations;
    if (e->thread == PyThread_get_thread_ident()) {
        if (!(e->kind & UNTIED)) rt_work_now = e->outer;
        depth = e->depth;
        op_depth = e->in_op;
        backward_depth = e->in_backward;
    }
    return tell(e, 1) < 0 ? -1 : status;
}
