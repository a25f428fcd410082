/* move: copies within one dtype, by the size of the elements.
 * Floor: ufunc. */
#include "ufunc/move.h"
#include "backends/execute.h"
#include "backends/work.h"
#include "ufunc/kernels/isa.h"

void rt_move(const rt_plan *p, int item)
{
    if (rt_work_now) rt_work_now->moved += (uint64_t)(p->size * item);
    rt_exec e = {.loop = rt_isa_now->copies[__builtin_ctz((unsigned)item)], .nin = 1, .rows = 1, .cost = 0.25f};
    rt_execute(p, &e);
}
