/* convolve_window: what convolutions over windows turned channels last share: geometry, windows, products.
 *
 *   window[plane of taps][row][column][channel]
 *   terms[p]: where a (tap, channel) lies in a window, from a position's first pixel on;  from[i]: where position i's
 *   first pixel lies
 *
 * Taps of a position that lie outside the image are left out: positions that see the same taps follow each other, and six
 * of them share a list of runs of terms.
 *
 * Floor: backends, private to cpu/. */
#ifndef RT_BACKENDS_CPU_CONVOLVE_WINDOW_H
#define RT_BACKENDS_CPU_CONVOLVE_WINDOW_H
#include "backends/cpu/convolve_correlation.h"

#define RT_WINDOW_ROWS 64       /* of the result, a block */
#define RT_WINDOW_PHASES 4      /* along a line */
#define RT_WINDOW_RUNS 32       /* of a kind */
#define RT_WINDOW_KINDS 64

/* Which p a sum runs over: six neighbouring sums have a kind, a kind has runs in order.  Kind 0: all. */
typedef struct {
    int32_t *kind;                          /* [sums / 6], borrowed */
    int kinds, count[RT_WINDOW_KINDS];
    int32_t run[RT_WINDOW_KINDS][RT_WINDOW_RUNS][2];
} rt_window_runs;

typedef struct {
    intptr_t lanes;
    /* c[at[i]][wide] = start + sum over p < k in i's runs of x[from[i] + terms[p]] * w[p][wide], i < n (a multiple of six);
     * start: what stands there when `add`, else the bias. */
    void (*product)(intptr_t n, intptr_t k, const float *x, const int32_t *from, const int32_t *terms, const float *w,
                    intptr_t wide, float *c, const int32_t *at, const rt_window_runs *runs, int add, const float *bias);
} rt_window_kernels;

/* The phases of a line share everything but count[2], taps[2], offset[2] and tap[2]. */
typedef struct {
    rt_correlation phase[RT_WINDOW_PHASES];
    intptr_t phases, n, back;
    intptr_t first[3], span[3];             /* offset of the least tap; taps lie within so many pixels */
    intptr_t apart, pixel;                  /* rows of a window from line to line; elements of a pixel */
    intptr_t lines, high, across, wide, pieces;    /* lines of all images, of a block; positions of a line, of a block's */
    intptr_t rows, columns, window;         /* rows and columns of a window of `high` lines; its elements */
    intptr_t windows;                       /* elements of a block's windows: one for each image it touches */
    intptr_t term_count, terms_at[RT_WINDOW_PHASES];      /* of all phases; of those before a phase */
    const rt_window_kernels *kernels;
} rt_window;

/* Lines of the result, of all images, and positions of each. */
typedef struct { intptr_t line, lines, left, columns; } rt_window_block;

/* NULL: not for this processor. */
const rt_window_kernels *rt_window_kernels_now(void);
/* The convolution, or phases (r0, r1, all) of its transpose; 0 when it has no positions. */
int rt_window_frame(const rt_convolution *q, int back, intptr_t r0, intptr_t r1, rt_window *g);
intptr_t rt_window_block_count(const rt_window *g);
rt_window_block rt_window_block_at(const rt_window *g, intptr_t i);
void rt_window_list_terms(const rt_window *g, int32_t *terms);
/* The windows of a block, and where its lines begin in them. */
void rt_window_look(const rt_window *g, const rt_window_block *b, const float *x, float *to, int32_t *line_at);
/* Of a phase, each with the runs of its terms: returns how many; places are in (line, column) of the block, `wide` apart. */
intptr_t rt_window_list_positions(const rt_window *g, intptr_t phase, const rt_window_block *b, const int32_t *line_at,
                                  intptr_t wide, int32_t *from, int32_t *at, rt_window_runs *runs);
/* The other way round: positions line by line, and the runs of them that terms see. */
intptr_t rt_window_list_lines(const rt_window *g, const rt_window_block *b, const int32_t *line_at, int32_t *from,
                              rt_window_runs *runs);
/* Rows r .. r + rows of the result between y and block[line][column][wide]: to y, or from there. */
void rt_window_settle(const rt_window *g, const rt_window_block *b, intptr_t r, intptr_t rows, intptr_t wide, float *y,
                      float *block, int home);
/* to[column][channel] = from[channel][column], zeros up to `wide`. */
void rt_window_turn(const float *from, intptr_t apart, intptr_t channels, intptr_t n, float *to, intptr_t wide);
/* to[tap][channel][row] = w[row][channel][tap], zeros up to `wide`, and the way back; taps are `between` channels apart. */
void rt_window_turn_terms(const float *w, intptr_t apart, intptr_t rows, intptr_t channels, intptr_t taps, float *to,
                          intptr_t between, intptr_t wide);
void rt_window_turn_terms_back(const float *from, intptr_t between, intptr_t wide, intptr_t rows, intptr_t channels,
                               intptr_t taps, float *w, intptr_t apart);

static inline intptr_t rt_window_up(intptr_t n, intptr_t unit) { return (n + unit - 1) / unit * unit; }
static inline intptr_t rt_window_least(intptr_t a, intptr_t b) { return a < b ? a : b; }
#endif
