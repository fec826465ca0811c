#define _GNU_SOURCE
#include "ring.h"
#include <errno.h>
#include <linux/io_uring.h>
#include <linux/time_types.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

// Requests that nobody wants to hear of are queued with this; their completions are dropped here.
#define UNHEARD UINT64_MAX

struct cl_ring {
    int fd;
    void *rings;
    size_t ringsLength, sqesLength;
    struct io_uring_sqe *sqes;
    struct io_uring_cqe *cqes;
    unsigned *sqHead, *sqTail, *cqHead, *cqTail;
    unsigned sqMask, cqMask, sqEntries;
    unsigned queued;
};

static void map_rings(struct cl_ring *ring, const struct io_uring_params *p) {
    size_t sq = p->sq_off.array + p->sq_entries * sizeof(unsigned);
    size_t cq = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
    ring->ringsLength = sq > cq ? sq : cq;
    ring->sqesLength = p->sq_entries * sizeof(struct io_uring_sqe);
    int protection = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_POPULATE;
    ring->rings = mmap(NULL, ring->ringsLength, protection, flags, ring->fd, IORING_OFF_SQ_RING);
    ring->sqes = mmap(NULL, ring->sqesLength, protection, flags, ring->fd, IORING_OFF_SQES);
}

struct cl_ring *cl_ring_open(unsigned entries) {
    struct io_uring_params p = {.flags = IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE | IORING_SETUP_SINGLE_ISSUER |
                                         IORING_SETUP_DEFER_TASKRUN,
                                .cq_entries = entries * 4};
    struct cl_ring *ring = calloc(1, sizeof *ring);
    if (!ring) return NULL;
    ring->fd = (int)syscall(SYS_io_uring_setup, entries, &p);
    if (ring->fd < 0) {
        free(ring);
        return NULL;
    }
    map_rings(ring, &p);
    if (ring->rings == MAP_FAILED || ring->sqes == MAP_FAILED || !(p.features & IORING_FEAT_SINGLE_MMAP)) {
        cl_ring_close(ring);
        errno = ENOMEM;
        return NULL;
    }
    char *base = ring->rings;
    ring->sqHead = (unsigned *)(base + p.sq_off.head);
    ring->sqTail = (unsigned *)(base + p.sq_off.tail);
    ring->sqMask = *(unsigned *)(base + p.sq_off.ring_mask);
    ring->sqEntries = p.sq_entries;
    ring->cqHead = (unsigned *)(base + p.cq_off.head);
    ring->cqTail = (unsigned *)(base + p.cq_off.tail);
    ring->cqMask = *(unsigned *)(base + p.cq_off.ring_mask);
    ring->cqes = (struct io_uring_cqe *)(base + p.cq_off.cqes);
    unsigned *array = (unsigned *)(base + p.sq_off.array);
    for (unsigned i = 0; i < p.sq_entries; i++) array[i] = i;
    return ring;
}

void cl_ring_close(struct cl_ring *ring) {
    if (ring->rings && ring->rings != MAP_FAILED) munmap(ring->rings, ring->ringsLength);
    if (ring->sqes && (void *)ring->sqes != MAP_FAILED) munmap(ring->sqes, ring->sqesLength);
    close(ring->fd);
    free(ring);
}

static int enter(struct cl_ring *ring, unsigned wanted, const struct __kernel_timespec *limit) {
    struct io_uring_getevents_arg argument = {.ts = (uint64_t)(uintptr_t)limit};
    unsigned flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
    long done = syscall(SYS_io_uring_enter, ring->fd, ring->queued, wanted, flags, &argument, sizeof argument);
    // An error means that none was taken: with requests taken the kernel says how many, however the wait ended.
    if (done < 0) return -1;
    ring->queued -= (unsigned)done < ring->queued ? (unsigned)done : ring->queued;
    return 0;
}

static struct io_uring_sqe *next(struct cl_ring *ring) {
    unsigned tail = *ring->sqTail;
    while (tail - __atomic_load_n(ring->sqHead, __ATOMIC_ACQUIRE) >= ring->sqEntries)
        if (enter(ring, 0, NULL) < 0 && errno != EINTR && errno != EAGAIN && errno != EBUSY) return NULL;
    struct io_uring_sqe *sqe = &ring->sqes[tail & ring->sqMask];
    memset(sqe, 0, sizeof *sqe);
    return sqe;
}

static int queue(struct cl_ring *ring) {
    __atomic_store_n(ring->sqTail, *ring->sqTail + 1, __ATOMIC_RELEASE);
    ring->queued++;
    return 0;
}

int cl_ring_poll(struct cl_ring *ring, int fd, uint32_t events, uint64_t data, bool multishot) {
    struct io_uring_sqe *sqe = next(ring);
    if (!sqe) return -1;
    sqe->opcode = IORING_OP_POLL_ADD;
    sqe->fd = fd;
    sqe->poll32_events = events;
    sqe->len = multishot ? IORING_POLL_ADD_MULTI : 0;
    sqe->user_data = data;
    return queue(ring);
}

int cl_ring_cancel(struct cl_ring *ring, uint64_t data) {
    struct io_uring_sqe *sqe = next(ring);
    if (!sqe) return -1;
    sqe->opcode = IORING_OP_ASYNC_CANCEL;
    sqe->fd = -1;
    sqe->addr = data;
    sqe->user_data = UNHEARD;
    return queue(ring);
}

unsigned cl_ring_ready(const struct cl_ring *ring) {
    return __atomic_load_n(ring->cqTail, __ATOMIC_ACQUIRE) - *ring->cqHead;
}

int cl_ring_wait(struct cl_ring *ring, int timeoutMilliseconds) {
    struct __kernel_timespec limit = {.tv_sec = timeoutMilliseconds / 1000,
                                      .tv_nsec = (long long)(timeoutMilliseconds % 1000) * 1000000};
    unsigned wanted = timeoutMilliseconds != 0 && cl_ring_ready(ring) == 0;
    return enter(ring, wanted, timeoutMilliseconds > 0 ? &limit : NULL);
}

bool cl_ring_take(struct cl_ring *ring, struct cl_completion *completion) {
    while (cl_ring_ready(ring) > 0) {
        unsigned head = *ring->cqHead;
        const struct io_uring_cqe *cqe = &ring->cqes[head & ring->cqMask];
        *completion = (struct cl_completion){
            .data = cqe->user_data, .result = cqe->res, .more = (cqe->flags & IORING_CQE_F_MORE) != 0};
        __atomic_store_n(ring->cqHead, head + 1, __ATOMIC_RELEASE);
        if (completion->data != UNHEARD) return true;
    }
    return false;
}
