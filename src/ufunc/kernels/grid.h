/* grid: elements of images at the positions of a grid, interpolated, and the gradients of both.
 * A sample's channels are taken in blocks of `lanes`.  With 4, 8 or 16 lanes a block is a turned image: a row of
 * lanes for each place, the last row (number `places`) for what lies outside.
 *
 *   planes (channels, places)  -- turn -->  blocks (channels / lanes, places + 1, lanes)
 *
 * With one lane a block is a plane of the image itself.  Floor: ufunc/kernels. */
#ifndef RT_UFUNC_KERNELS_GRID_H
#define RT_UFUNC_KERNELS_GRID_H
#include <stdint.h>

typedef enum { RT_GRID_LINEAR, RT_GRID_NEAREST, RT_GRID_CUBIC } rt_grid_mode;
typedef enum { RT_GRID_ZEROS, RT_GRID_BORDER, RT_GRID_REFLECTION } rt_grid_padding;

typedef struct {
    int nd, align, lanes;                           /* nd: 2 or 3 */
    rt_grid_mode mode;
    rt_grid_padding padding;
    intptr_t lengths[3], channels, places, points;  /* lengths[0] is 1 for images of two; places: all of them */
} rt_grid;

typedef struct {   /* f32 and f64.  x, g, out and grids of one sample; x and gx by blocks */
    /* Places begin .. end of one block from its planes; the row of what lies outside is zeroed with the last. */
    void (*turn)(const rt_grid *q, const char *planes, intptr_t channels, char *block, intptr_t begin, intptr_t end);
    /* Planes from a block. */
    void (*turn_back)(const rt_grid *q, const char *block, char *planes, intptr_t channels);
    /* out (channels, points) at points begin .. end. */
    void (*take)(const rt_grid *q, const char *x, const char *grid, char *out, intptr_t begin, intptr_t end);
    /* Adds g (channels, points) to blocks begin .. end of gx, in the order of the points. */
    void (*give)(const rt_grid *q, const char *grid, const char *g, char *gx, intptr_t begin, intptr_t end);
    /* The grid's gradient at points begin .. end. */
    void (*slope)(const rt_grid *q, const char *x, const char *grid, const char *g, char *ggrid, intptr_t begin, intptr_t end);
} rt_grids;

#if defined(__x86_64__)
extern const rt_grids rt_grids_f32_v2, rt_grids_f64_v2, rt_grids_f32_v3, rt_grids_f64_v3;
#else
extern const rt_grids rt_grids_f32_portable, rt_grids_f64_portable;
#endif
#endif
