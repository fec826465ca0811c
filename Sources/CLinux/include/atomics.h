// Atomics on mapped memory, as inlines over raw pointers: the same words are read and written by several processes,
// so Swift's own Atomic<T> (which owns its storage) does not fit. Names say width, operation and order.
#pragma once
#include <stdbool.h>
#include <stdint.h>

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
static inline void cl_fence_acquire(void) { __atomic_thread_fence(__ATOMIC_ACQUIRE); }
static inline void cl_fence_release(void) { __atomic_thread_fence(__ATOMIC_RELEASE); }
static inline void cl_prefetch(const void *_Nonnull p) { __builtin_prefetch(p, 0, 3); }
