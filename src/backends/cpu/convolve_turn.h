/* convolve_turn: blocks of 8 x 8 floats and 4 x 4 doubles with rows and columns exchanged, in AVX2.  Included inside
 * a region of target("avx2").  Floor: backends, private to cpu/. */
#ifndef RT_BACKENDS_CPU_CONVOLVE_TURN_H
#define RT_BACKENDS_CPU_CONVOLVE_TURN_H
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

static inline __m256i mask_f32(uint32_t bits)
{
    const __m256i lanes = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    return _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32((int)bits), lanes), lanes);
}

/* Rows r[0 .. 8] become columns. */
static inline __attribute__((always_inline)) void turn_rows_f32(__m256 r[8])
{
    __m256 s[8];
    for (int i = 0; i < 8; i += 2) {
        s[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        s[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        r[i] = _mm256_shuffle_ps(s[i], s[i + 2], 0x44);
        r[i + 1] = _mm256_shuffle_ps(s[i], s[i + 2], 0xee);
        r[i + 2] = _mm256_shuffle_ps(s[i + 1], s[i + 3], 0x44);
        r[i + 3] = _mm256_shuffle_ps(s[i + 1], s[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        s[i] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x20);
        s[i + 4] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x31);
    }
    for (int i = 0; i < 8; i++) r[i] = s[i];
}

/* out[j * to + i] = x[i * from + j], i and j < 8. */
static inline __attribute__((always_inline)) void turn_f32(const float *x, intptr_t from, float *out, intptr_t to)
{
    __m256 r[8];
    for (int i = 0; i < 8; i++) r[i] = _mm256_loadu_ps(x + i * from);
    turn_rows_f32(r);
    for (int i = 0; i < 8; i++) _mm256_storeu_ps(out + i * to, r[i]);
}

/* The same for i < rows and j < columns; touches no others. */
static inline void turn_part_f32(const float *x, intptr_t from, intptr_t rows, intptr_t columns, float *out, intptr_t to)
{
    const __m256i in = mask_f32((1u << columns) - 1), over = mask_f32((1u << rows) - 1);
    __m256 r[8];
    for (int i = 0; i < 8; i++) r[i] = i < rows ? _mm256_maskload_ps(x + i * from, in) : _mm256_setzero_ps();
    turn_rows_f32(r);
    for (int i = 0; i < 8 && i < columns; i++) _mm256_maskstore_ps(out + i * to, over, r[i]);
}

/* to[column][channel] = from[channel][column], n columns `wide` apart; zeros from `channels` to `filled`. */
static inline void turn_channels_f32(const float *from, intptr_t plane, intptr_t channels, intptr_t filled, intptr_t n, float *to,
                                     intptr_t wide)
{
    intptr_t c = 0;
    for (; c + 8 <= channels; c += 8) {
        const float *s = from + c * plane;
        intptr_t i = 0;
        for (; i + 8 <= n; i += 8) turn_f32(s + i, plane, to + i * wide + c, wide);
        if (i < n) turn_part_f32(s + i, plane, 8, n - i, to + i * wide + c, wide);
    }
    for (intptr_t i = 0; i < n && c < filled; i++) {
        for (intptr_t j = c; j < channels; j++) to[i * wide + j] = from[j * plane + i];
        for (intptr_t j = channels; j < filled; j++) to[i * wide + j] = 0;
    }
}

/* The way back: to[channel][column] = from[column][channel]. */
static inline void turn_columns_f32(const float *from, intptr_t wide, intptr_t channels, intptr_t n, float *to, intptr_t plane)
{
    for (intptr_t c = 0; c < channels; c += 8) {
        intptr_t j = 0;
        if (c + 8 <= channels)
            for (; j + 8 <= n; j += 8) turn_f32(from + j * wide + c, wide, to + c * plane + j, plane);
        for (; j < n; j += 8)
            turn_part_f32(from + j * wide + c, wide, n - j < 8 ? n - j : 8, channels - c < 8 ? channels - c : 8,
                          to + c * plane + j, plane);
    }
}

static inline __attribute__((always_inline)) void turn_f64(const double *x, intptr_t from, double *out, intptr_t to)
{
    const __m256d a = _mm256_loadu_pd(x), b = _mm256_loadu_pd(x + from), c = _mm256_loadu_pd(x + 2 * from);
    const __m256d d = _mm256_loadu_pd(x + 3 * from);
    const __m256d p = _mm256_unpacklo_pd(a, b), q = _mm256_unpackhi_pd(a, b), r = _mm256_unpacklo_pd(c, d);
    const __m256d s = _mm256_unpackhi_pd(c, d);
    _mm256_storeu_pd(out, _mm256_permute2f128_pd(p, r, 0x20));
    _mm256_storeu_pd(out + to, _mm256_permute2f128_pd(q, s, 0x20));
    _mm256_storeu_pd(out + 2 * to, _mm256_permute2f128_pd(p, r, 0x31));
    _mm256_storeu_pd(out + 3 * to, _mm256_permute2f128_pd(q, s, 0x31));
}
#endif
