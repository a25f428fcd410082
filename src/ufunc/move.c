/* move: copies within one dtype, by the size of the elements.
 * Floor: ufunc. */
#include "ufunc/move.h"
#include "backends/execute.h"
#include "backends/work.h"
#include "ufunc/kernels/isa.h"

void rt_move(const rt_plan *p, int item)
{
    rt_work *const work = rt_work_now, before = work ? *work : (rt_work){0};
    rt_exec e = {.loop = rt_isa_now->copies[__builtin_ctz((unsigned)item)], .nin = 1, .rows = 1, .cost = 0.25f};
    rt_execute(p, &e);
    if (!work) return;
    work->moved += (uint64_t)(p->size * item);       /* and what a copy does beside that is no loop over elements */
    work->loops = before.loops;
    work->elements = before.elements;
    work->rows = before.rows;
    work->jumping = before.jumping;
}
