// Atomics on mapped memory, as inlines over raw pointers: the same words are read and written by several processes,
// so Swift's own Atomic<T> (which owns its storage) does not fit. Names say width, operation and order.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define MARTLET_ATOMICS(bits, type)                                                                                   \
    static inline type cl_load##bits##_relaxed(const void *_Nonnull p) {                                              \
        return __atomic_load_n((const type *)p, __ATOMIC_RELAXED);                                                    \
    }                                                                                                                 \
    static inline type cl_load##bits##_acquire(const void *_Nonnull p) {                                              \
        return __atomic_load_n((const type *)p, __ATOMIC_ACQUIRE);                                                    \
    }                                                                                                                 \
    static inline type cl_load##bits##_seqcst(const void *_Nonnull p) {                                               \
        return __atomic_load_n((const type *)p, __ATOMIC_SEQ_CST);                                                    \
    }                                                                                                                 \
    static inline void cl_store##bits##_relaxed(void *_Nonnull p, type v) {                                           \
        __atomic_store_n((type *)p, v, __ATOMIC_RELAXED);                                                             \
    }                                                                                                                 \
    static inline void cl_store##bits##_release(void *_Nonnull p, type v) {                                           \
        __atomic_store_n((type *)p, v, __ATOMIC_RELEASE);                                                             \
    }                                                                                                                 \
    static inline void cl_store##bits##_seqcst(void *_Nonnull p, type v) {                                            \
        __atomic_store_n((type *)p, v, __ATOMIC_SEQ_CST);                                                             \
    }                                                                                                                 \
    static inline type cl_add##bits##_relaxed(void *_Nonnull p, type v) {                                             \
        return __atomic_fetch_add((type *)p, v, __ATOMIC_RELAXED);                                                    \
    }                                                                                                                 \
    static inline type cl_add##bits##_seqcst(void *_Nonnull p, type v) {                                              \
        return __atomic_fetch_add((type *)p, v, __ATOMIC_SEQ_CST);                                                    \
    }                                                                                                                 \
    static inline type cl_or##bits##_seqcst(void *_Nonnull p, type v) {                                               \
        return __atomic_fetch_or((type *)p, v, __ATOMIC_SEQ_CST);                                                     \
    }                                                                                                                 \
    static inline type cl_and##bits##_seqcst(void *_Nonnull p, type v) {                                              \
        return __atomic_fetch_and((type *)p, v, __ATOMIC_SEQ_CST);                                                    \
    }                                                                                                                 \
    static inline type cl_exchange##bits##_seqcst(void *_Nonnull p, type v) {                                         \
        return __atomic_exchange_n((type *)p, v, __ATOMIC_SEQ_CST);                                                   \
    }                                                                                                                 \
    /* True when *p was `expected` and is now `desired`. Sequentially consistent on success, acquire on failure. */   \
    static inline bool cl_cas##bits##_seqcst(void *_Nonnull p, type expected, type desired) {                         \
        return __atomic_compare_exchange_n((type *)p, &expected, desired, false, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE); \
    }                                                                                                                 \
    static inline bool cl_cas##bits##_relaxed(void *_Nonnull p, type expected, type desired) {                        \
        return __atomic_compare_exchange_n((type *)p, &expected, desired, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED); \
    }

MARTLET_ATOMICS(8, uint8_t)
MARTLET_ATOMICS(16, uint16_t)
MARTLET_ATOMICS(32, uint32_t)
MARTLET_ATOMICS(64, uint64_t)
#undef MARTLET_ATOMICS

static inline void cl_fence_seqcst(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
/// A full fence behind a sequentially consistent read-modify-write. By the language that orders the loads behind it
/// only if they are sequentially consistent as well; on x86 it is a full fence for all of them.
static inline void cl_fence_after_exchange(void) {
#if defined(__x86_64__)
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
#else
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}
static inline void cl_fence_acquire(void) { __atomic_thread_fence(__ATOMIC_ACQUIRE); }
static inline void cl_fence_release(void) { __atomic_thread_fence(__ATOMIC_RELEASE); }

/// Which of 16 words, eight each at two places aligned to 64 bytes, have `wanted` under `mask` in their upper half, as
/// bits. A hint, in no order with anything: read a word again before believing it.
static inline uint32_t cl_match8x2(const void *_Nonnull a, const void *_Nonnull b, uint32_t mask, uint32_t wanted) {
#if defined(__SSE2__)
    const __m128i masks = _mm_set1_epi32((int)mask), wanteds = _mm_set1_epi32((int)wanted);
#define MARTLET_MATCH4(place)                                                                                         \
    _mm_cmpeq_epi32(_mm_and_si128(_mm_castps_si128(_mm_shuffle_ps(_mm_load_ps((const float *)(place)),                \
                                                                  _mm_load_ps((const float *)(place) + 4), 0xdd)),    \
                                  masks),                                                                             \
                    wanteds)
    const __m128i first = _mm_packs_epi32(MARTLET_MATCH4(a), MARTLET_MATCH4((const char *)a + 32));
    const __m128i second = _mm_packs_epi32(MARTLET_MATCH4(b), MARTLET_MATCH4((const char *)b + 32));
#undef MARTLET_MATCH4
    return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(first, second));
#else
    uint32_t found = 0;
    for (int i = 0; i < 16; i++) {
        const uint64_t word = __atomic_load_n((const uint64_t *)(i < 8 ? a : b) + i % 8, __ATOMIC_RELAXED);
        found |= (uint32_t)(((uint32_t)(word >> 32) & mask) == wanted) << i;
    }
    return found;
#endif
}
