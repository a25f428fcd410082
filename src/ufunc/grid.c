/* grid: grid_sample, elements of images at given positions.  Images are turned so that a place's channels lie side
 * by side, a few samples at a time, where points are many enough for that to pay; otherwise planes are read as they
 * lie.  Threads share out points, and for the image's gradient channels: no sum depends on them.  Floor: ufunc. */
#include "backends/memory.h"
#include "backends/threads.h"
#include "core/error.h"
#include "core/shape.h"
#include "ufunc/kernels/grid.h"
#include "ufunc/kernels/isa.h"
#include "ufunc/packed.h"
#include "ufunc/replay.h"
#include "ufunc/views.h"

enum { CHUNK = 64, PIECE = 4096, UNLOCK = 16384, TURNED = 1 << 20 };   /* points; places; taps times channels; bytes */
enum { MODE, PADDING, ALIGN };                                         /* params.i */

typedef struct {
    rt_grid q;
    const rt_grids *kernels;
    intptr_t item, samples, blocks, block, first;    /* bytes; of the batch; of a sample; bytes of one; of the group */
    char *x, *grid, *out, *g, *gx, *ggrid;           /* borrowed; NULL where not needed */
    char *turned;                                    /* owned: blocks of a group of samples, or NULL */
    intptr_t group;                                  /* samples of a group */
} job;

static int check(const rt_op *op, const rt_tensor *x, const rt_tensor *grid, const rt_params *p)
{
    const int n = x->ndim - 2;
    if ((n != 2 && n != 3) || grid->ndim != n + 2 || grid->shape[0] != x->shape[0] || grid->shape[n + 1] != n)
        return rt_error_shapes(op->cls.name, "expected (N, C, H, W) with a grid (N, H', W', 2), or (N, C, D, H, W) with"
                               " (N, D', H', W', 3) (input and grid)", x->ndim, x->shape, grid->ndim, grid->shape);
    if (x->dtype != grid->dtype)
        return rt_error(rt_DtypeError, op->cls.name, "input and grid must have one dtype, not %s and %s", rt_dtypes[x->dtype].name,
                        rt_dtypes[grid->dtype].name);
    if (n == 3 && p->i[MODE] == RT_GRID_CUBIC)
        return rt_error(rt_TensorError, op->cls.name, "bicubic takes images of two lengths");
    intptr_t places = 1;
    for (int d = 2; d < n + 2; d++) {
        if (x->shape[d] < 1) return rt_error(rt_TensorError, op->cls.name, "dimension %d of the image is empty", d);
        if (__builtin_mul_overflow(places, x->shape[d], &places) || places >= INT32_MAX)
            return rt_error(rt_TensorError, op->cls.name, "images may not have 2**31 elements or more");
    }
    return 0;
}

/* Channels side by side in a turned image; 1: not worth turning.  Adding to rows saves more than reading them does. */
static int lanes_of(const rt_grid *q, int back)
{
    const int taps = q->mode == RT_GRID_CUBIC ? 16 : 1 << q->nd;
    if (q->mode == RT_GRID_NEAREST || (double)q->points * taps * 2 < (double)q->places) return 1;
    if (q->channels == 1 || (q->channels < 4 && !back && taps < 16)) return 1;
    return q->channels <= 4 ? 4 : q->channels <= 8 ? 8 : 16;
}

/* The kernels of the instruction set in force; AVX-512 has none of its own. */
static const rt_grids *kernels_of(rt_dtype d)
{
#if defined(__x86_64__)
    if (rt_isa_now == &rt_isa_v2) return d == RT_f32 ? &rt_grids_f32_v2 : &rt_grids_f64_v2;
    return d == RT_f32 ? &rt_grids_f32_v3 : &rt_grids_f64_v3;
#else
    return d == RT_f32 ? &rt_grids_f32_portable : &rt_grids_f64_portable;
#endif
}

static void job_begin(job *j, rt_dtype d, const rt_tensor *x, const rt_tensor *grid, const rt_params *p, int back)
{
    rt_grid *q = &j->q;
    q->nd = x->ndim - 2;
    q->mode = (rt_grid_mode)p->i[MODE];
    q->padding = (rt_grid_padding)p->i[PADDING];
    q->align = p->i[ALIGN] != 0;
    q->channels = x->shape[1];
    q->points = q->places = q->lengths[0] = 1;
    for (int k = 0; k < q->nd; k++) {
        q->lengths[3 - q->nd + k] = x->shape[2 + k];
        q->places *= x->shape[2 + k];
        q->points *= grid->shape[1 + k];
    }
    q->lanes = lanes_of(q, back);
    j->kernels = kernels_of(d);
    j->item = (intptr_t)rt_itemsize(d);
    j->samples = x->shape[0];
    j->blocks = (q->channels + q->lanes - 1) / q->lanes;
    j->block = (q->lanes == 1 ? q->places : (q->places + 1) * q->lanes) * j->item;
    j->group = j->samples;
    if (q->lanes > 1 && j->blocks) {
        const intptr_t threads = rt_threads_count(), each = TURNED / (j->block * j->blocks) / threads;
        j->group = (each < 1 ? 1 : each) * threads;
        if (j->group > j->samples) j->group = j->samples;
    }
}

/* Room for the turned images of a group; the size fits, being at most sixteen times the images'. */
static int job_room(job *j)
{
    if (j->q.lanes == 1) return 0;
    j->turned = rt_memory_try((size_t)(j->group * j->blocks * j->block) + 1);
    return j->turned ? 0 : -1;
}

/* Blocks of sample s of the group: turned, or planes where they lie. */
static char *blocks_of(const job *j, char *planes, intptr_t s)
{
    if (j->q.lanes > 1) return j->turned + s * j->blocks * j->block;
    return planes + (j->first + s) * j->q.channels * j->q.places * j->item;
}

static char *planes_of(const job *j, char *planes, intptr_t s, intptr_t block)
{
    return planes + ((j->first + s) * j->q.channels + block * j->q.lanes) * j->q.places * j->item;
}

static intptr_t channels_of(const job *j, intptr_t block)
{
    const intptr_t left = j->q.channels - block * j->q.lanes;
    return left < j->q.lanes ? left : j->q.lanes;
}

/* ---- what threads run ---- */

/* Units: pieces of places of the blocks of the group. */
static void run_turn(void *context, intptr_t begin, intptr_t end)
{
    const job *j = context;
    const intptr_t pieces = (j->q.places + PIECE - 1) / PIECE;
    for (intptr_t u = begin; u < end; u++) {
        const intptr_t s = u / pieces / j->blocks, block = u / pieces % j->blocks, at = u % pieces * PIECE;
        j->kernels->turn(&j->q, planes_of(j, j->x, s, block), channels_of(j, block), blocks_of(j, NULL, s) + block * j->block, at,
                         at + PIECE < j->q.places ? at + PIECE : j->q.places);
    }
}

/* Units: chunks of points of the samples of the group. */
static void run_points(void *context, intptr_t begin, intptr_t end)
{
    const job *j = context;
    const rt_grid *q = &j->q;
    const intptr_t chunks = (q->points + CHUNK - 1) / CHUNK;
    for (intptr_t u = begin, next; u < end; u = next) {
        const intptr_t s = u / chunks, from = u % chunks * CHUNK, sample = j->first + s;
        next = (s + 1) * chunks < end ? (s + 1) * chunks : end;
        const intptr_t to = (next - s * chunks) * CHUNK < q->points ? (next - s * chunks) * CHUNK : q->points;
        const intptr_t grid = sample * q->points * q->nd * j->item, values = sample * q->channels * q->points * j->item;
        const char *x = blocks_of(j, j->x, s);
        if (j->ggrid) j->kernels->slope(q, x, j->grid + grid, j->g + values, j->ggrid + grid, from, to);
        else j->kernels->take(q, x, j->grid + grid, j->out + values, from, to);
    }
}

/* Units: blocks of the samples of the group. */
static void run_give(void *context, intptr_t begin, intptr_t end)
{
    const job *j = context;
    const rt_grid *q = &j->q;
    for (intptr_t u = begin, next; u < end; u = next) {
        const intptr_t s = u / j->blocks, from = u % j->blocks, sample = j->first + s;
        next = (s + 1) * j->blocks < end ? (s + 1) * j->blocks : end;
        const intptr_t to = next - s * j->blocks;
        char *gx = blocks_of(j, j->gx, s);
        memset(gx + from * j->block, 0, (size_t)((to - from) * j->block));
        j->kernels->give(q, j->grid + sample * q->points * q->nd * j->item, j->g + sample * q->channels * q->points * j->item, gx,
                         from, to);
        for (intptr_t b = from; b < to && q->lanes > 1; b++)
            j->kernels->turn_back(q, gx + b * j->block, planes_of(j, j->gx, s, b), channels_of(j, b));
    }
}

/* Units: samples of the group, turned by the thread that reads them. */
static void run_samples(void *context, intptr_t begin, intptr_t end)
{
    const job *j = context;
    const intptr_t chunks = (j->q.points + CHUNK - 1) / CHUNK, pieces = (j->q.places + PIECE - 1) / PIECE;
    run_turn(context, begin * j->blocks * pieces, end * j->blocks * pieces);
    run_points(context, begin * chunks, end * chunks);
}

/* All samples: the points of each group, or the image's gradient. */
static void run_groups(job *j, int alone)
{
    const rt_grid *q = &j->q;
    const intptr_t chunks = (q->points + CHUNK - 1) / CHUNK, pieces = (q->places + PIECE - 1) / PIECE, all = INTPTR_MAX;
    for (j->first = 0; j->first < j->samples; j->first += j->group) {
        const intptr_t n = j->samples - j->first < j->group ? j->samples - j->first : j->group;
        if (j->gx) {
            rt_threads_for(n * j->blocks, alone ? all : 1, run_give, j);
            continue;
        }
        if (q->lanes > 1 && !alone && n >= rt_threads_count()) {
            rt_threads_for(n, 1, run_samples, j);
            continue;
        }
        if (q->lanes > 1) rt_threads_for(n * j->blocks * pieces, alone ? all : 1, run_turn, j);
        rt_threads_for(n * chunks, alone ? all : 2, run_points, j);
    }
}

static void run(job *j)
{
    if (j->q.channels == 0 || j->samples == 0) return;
    if ((double)j->samples * (double)(j->q.points + j->q.places) * (double)j->q.channels < UNLOCK) {
        run_groups(j, 1);
        return;
    }
    Py_BEGIN_ALLOW_THREADS
    run_groups(j, 0);
    Py_END_ALLOW_THREADS
}

/* ---- the row ---- */

FORWARD(grid_sample)
{
    rt_tensor *x = rt_operand_tensor(op, in, 0), *grid = x ? rt_operand_tensor(op, in, 1) : NULL, *const given = *out;
    rt_tensor *px = NULL, *pg = NULL, *work = NULL, *wide = NULL;
    intptr_t shape[5];
    job j = {0};
    int status = -1;
    if (!grid || check(op, x, grid, p) < 0) return -1;
    const rt_dtype result = (rt_dtype)x->dtype, d = rt_packed_compute(op->cls.name, result);
    if (d == RT_NODTYPE) return -1;
    shape[0] = x->shape[0];
    shape[1] = x->shape[1];
    for (int k = 2; k < x->ndim; k++) shape[k] = grid->shape[k - 1];
    job_begin(&j, d, x, grid, p, 0);
    if (rt_output_begin(op, out, result, x->ndim, shape, nin, in, 1, &work) < 0) goto done;
    wide = d == result ? (rt_tensor *)Py_NewRef((PyObject *)work) : rt_empty(d, x->ndim, shape, x->storage->device);
    if (!wide || !(px = rt_packed(x, d)) || !(pg = rt_packed(grid, d)) || job_room(&j) < 0) goto done;
    j.x = px->data;
    j.grid = pg->data;
    j.out = wide->data;
    run(&j);
    if (wide != work && rt_copy_into(work, wide) < 0) goto done;
    status = rt_output_finish(*out, work);
    work = NULL;
done:
    rt_memory_free(j.turned);
    Py_XDECREF((PyObject *)px);
    Py_XDECREF((PyObject *)pg);
    Py_XDECREF((PyObject *)work);
    Py_XDECREF((PyObject *)wide);
    if (status < 0 && !given) Py_CLEAR(*out);
    return status;
}

BACKWARD(grid_sample)
{
    rt_operand x = {0}, grid = {0};
    rt_tensor *px = NULL, *pgrid = NULL, *pg = NULL;
    job j = {0};
    int status = -1;
    if (rt_grad_enabled) return rt_replay(node, g, gin);
    if (rt_node_unpack(node, 0, &x) < 0 || rt_node_unpack(node, 1, &grid) < 0) goto done;
    const rt_dtype result = (rt_dtype)x.t->dtype, d = rt_packed_compute(node->cls->name, result);
    const rt_device device = x.t->storage->device;
    if (!(px = rt_packed(x.t, d)) || !(pgrid = rt_packed(grid.t, d)) || !(pg = rt_packed(g[0], d))) goto done;
    job_begin(&j, d, x.t, grid.t, node->params, 1);
    if (job_room(&j) < 0) goto done;
    j.x = px->data;
    j.grid = pgrid->data;
    j.g = pg->data;
    if (rt_node_wants(node, 1)) {
        if (!(gin[1] = rt_zeros(d, grid.t->ndim, grid.t->shape, device))) goto done;
        j.ggrid = gin[1]->data;
        if (j.q.mode != RT_GRID_NEAREST) run(&j);
        if (!(gin[1] = rt_packed_home(gin[1], result))) goto done;
    }
    if (rt_node_wants(node, 0)) {
        if (!(gin[0] = rt_empty(d, x.t->ndim, x.t->shape, device))) goto done;
        j.gx = gin[0]->data;
        run(&j);
        if (!(gin[0] = rt_packed_home(gin[0], result))) goto done;
    }
    status = 0;
done:
    rt_memory_free(j.turned);
    Py_XDECREF((PyObject *)x.t);
    Py_XDECREF((PyObject *)grid.t);
    Py_XDECREF((PyObject *)px);
    Py_XDECREF((PyObject *)pgrid);
    Py_XDECREF((PyObject *)pg);
    return status;
}
