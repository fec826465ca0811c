// A log-linear histogram of nanoseconds (256 steps per power of two: errors under 0.4 %). No clock here.
#pragma once
#include <stdint.h>

enum { HISTOGRAM_STEPS = 256, HISTOGRAM_BUCKETS = HISTOGRAM_STEPS * 40 };

struct histogram {
    uint64_t count, sum, max;
    uint32_t buckets[HISTOGRAM_BUCKETS];
};

static inline int histogram_index(uint64_t value) {
    if (value < HISTOGRAM_STEPS) return (int)value;
    int shift = 63 - __builtin_clzll(value) - 8;
    int index = (shift + 1) * HISTOGRAM_STEPS + (int)((value >> shift) - HISTOGRAM_STEPS);
    return index < HISTOGRAM_BUCKETS ? index : HISTOGRAM_BUCKETS - 1;
}

static inline uint64_t histogram_value(int index) {
    if (index < HISTOGRAM_STEPS) return (uint64_t)index;
    int shift = index / HISTOGRAM_STEPS - 1;
    return ((uint64_t)(index % HISTOGRAM_STEPS + HISTOGRAM_STEPS) << shift) + ((1ull << shift) >> 1);
}

static inline void histogram_add(struct histogram *histogram, uint64_t value) {
    histogram->count++;
    histogram->sum += value;
    if (value > histogram->max) histogram->max = value;
    histogram->buckets[histogram_index(value)]++;
}

static inline uint64_t histogram_quantile(const struct histogram *histogram, double quantile) {
    uint64_t wanted = (uint64_t)(quantile * (double)histogram->count), seen = 0;
    for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen > wanted) return histogram_value(i);
    }
    return histogram->max;
}
