/* program_pass: finds, in a program, ops that were recorded and the backward pass behind them, and makes them one step
 * (autograd/pass.h).  What stands between them and has no effects is moved out of the way.  Floor: python. */
#include "python/program.h"
#include <string.h>

/* Do steps outside of first .. last, or the caller, want value v?  RT_PASS_DETACHED or RT_PASS_HISTORY; 0: no. */
static int is_wanted(const rt_program *p, int first, int last, int v, const uint8_t *returned)
{
    int wanted = returned[v] ? RT_PASS_HISTORY : 0;
    for (int i = 0; i < p->nsteps; i++) {
        const rt_step *s = &p->steps[i];
        if (i >= first && i <= last) continue;
        for (int k = 0; k < s->nin + s->nout; k++)
            if (s->slots[k] == v && wanted < RT_PASS_HISTORY)
                wanted = s->kind == RT_STEP_DETACH ? RT_PASS_DETACHED : RT_PASS_HISTORY;
    }
    return wanted;
}

/* An op that recorded what its backward needs, and wrote to nothing that was there. */
static int is_recorded(const rt_step *s, rt_tensor *const *values)
{
    return s->kind == RT_STEP_OP && !s->given && s->nout > 0 && s->slots[s->nin] >= 0 && values[s->slots[s->nin]]->node;
}

/* Of n steps from `first`: the ops, with tensors as operands in `in`.  0 when a result beside the first is wanted. */
static int list_ops(const rt_program *p, int first, int n, rt_tensor *const *values, const uint8_t *returned,
                    rt_pass_op *ops, rt_operand *in)
{
    for (int k = 0; k < n; k++) {
        const rt_step *s = &p->steps[first + k];
        ops[k] = (rt_pass_op){.op = s->op, .nin = s->nin, .in = in, .params = s->params, .out = values[s->slots[s->nin]]};
        for (int i = 0; i < s->nin; i++, in++) {
            *in = s->in[i];
            in->t = s->slots[i] < 0 ? NULL : values[s->slots[i]];
        }
        for (int i = 0; i < s->nout; i++) {
            const int v = s->slots[s->nin + i], wanted = v < 0 ? 0 : is_wanted(p, first, first + n, v, returned);
            if (wanted && i > 0) return 0;
            if (i == 0) ops[k].kept = (uint8_t)wanted;
        }
    }
    return 1;
}

static int value_number(const rt_program *p, rt_tensor *const *values, const rt_tensor *t)
{
    int v = 0;
    while (v < p->nvalues && values[v] != t) v++;
    return v;
}

/* Gives step `first` what does it and the n - 1 ops and the backward pass behind it, if that can be. */
static int add_pass(rt_program *p, int first, int n, rt_tensor *const *values, const uint8_t *returned)
{
    int nin = 0, status = -1, made = 0;
    for (int k = 0; k < n; k++) nin += p->steps[first + k].nin;
    rt_pass_op *ops = PyMem_New(rt_pass_op, n);
    rt_operand *in = PyMem_New(rt_operand, nin + 1);
    const rt_tensor **from = NULL;
    rt_step *s = &p->steps[first];
    if (!ops || !in) goto done;
    status = 0;
    if (!list_ops(p, first, n, values, returned, ops, in)) goto done;
    s->pass = rt_pass_new(n, ops, values[p->steps[first + n].slots[0]], &from);
    if (!s->pass) goto done;
    nin = rt_pass_nin(s->pass);
    s->span = n + 1;
    s->pass_slots = PyMem_New(int, nin + n);
    if (!s->pass_slots) {
        status = -1;
        goto done;
    }
    for (; made < nin; made++) s->pass_slots[made] = value_number(p, values, from[made]);
    for (int k = 0; k < n; k++)
        if (ops[k].kept) s->pass_slots[made++] = p->steps[first + k].slots[p->steps[first + k].nin];
done:
    PyMem_Free(ops);
    PyMem_Free(in);
    PyMem_Free(from);
    if (status < 0) PyErr_NoMemory();
    return status;
}

/* Does a step read a result of steps first .. last - 1 that `members` marks? */
static int reads_of(const rt_program *p, const rt_step *s, int first, int last, const uint8_t *members)
{
    for (int i = first; i < last; i++) {
        const rt_step *m = &p->steps[i];
        for (int k = 0; k < m->nout && members[i]; k++)
            for (int l = 0; l < s->nin; l++)
                if (m->slots[m->nin + k] >= 0 && s->slots[l] == m->slots[m->nin + k]) return 1;
    }
    return 0;
}

/* A step that may be made earlier or later: without effects, and no random numbers. */
static int is_pure(const rt_step *s)
{
    return s->kind == RT_STEP_FUSED || s->kind == RT_STEP_DETACH
        || (s->kind == RT_STEP_OP && !s->given && (s->op->family == RT_ELEMENTWISE || s->op->family == RT_REDUCE
                                                   || s->op->family == RT_VIEW));
}

enum { MEMBER = 1, AFTER = 2 };      /* neither: before */

/* Steps begin .. end - 1, recorded ones and pure ones, into the order: what needs none of the recorded, those, then
 * (behind the backward pass, step `end`) the others.  Where the recorded begin; *n: their number. */
static int bring_together(rt_program *p, int begin, int end, rt_tensor *const *values, uint8_t *members, rt_step *room,
                          int *n)
{
    const int count = end + 1 - begin;
    int at = 0, first;
    for (int i = begin; i < end; i++) {
        members[i] = MEMBER * (uint8_t)is_recorded(&p->steps[i], values);
        if (!members[i] && reads_of(p, &p->steps[i], begin, i, members)) members[i] = AFTER;
    }
    members[end] = MEMBER;
    memcpy(room, p->steps + begin, (size_t)count * sizeof *room);
    for (int i = 0; i < count; i++) if (!members[begin + i]) p->steps[begin + at++] = room[i];
    first = begin + at;
    for (int i = 0; i < count; i++) if (members[begin + i] == MEMBER) p->steps[begin + at++] = room[i];
    *n = begin + at - 1 - first;
    for (int i = 0; i < count; i++) if (members[begin + i] == AFTER) p->steps[begin + at++] = room[i];
    return first;
}

int rt_program_add_passes(rt_program *p, rt_tensor *const *values, const uint8_t *returned)
{
    uint8_t *members = PyMem_New(uint8_t, p->nsteps + 1);
    rt_step *room = PyMem_New(rt_step, p->nsteps + 1);
    int status = members && room ? 0 : -1;
    if (status < 0) PyErr_NoMemory();
    for (int i = 0; i < p->nsteps && status == 0; i++) {
        const rt_step *s = &p->steps[i];
        int begin = i, n;
        if (s->kind != RT_STEP_BACKWARD || s->nin != 2 || s->slots[1] >= 0 || s->retain) continue;
        while (begin > 0 && (is_pure(&p->steps[begin - 1]) || is_recorded(&p->steps[begin - 1], values))) begin--;
        const int first = bring_together(p, begin, i, values, members, room, &n);
        if (n > 0) status = add_pass(p, first, n, values, returned);
    }
    PyMem_Free(members);
    PyMem_Free(room);
    return status;
}
