// io_uring without liburing: one ring for one thread, with the few requests that the event loop makes. Requests are
// queued in memory and go to the kernel with the wait that ends a turn.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct cl_ring;

struct cl_completion {
    // What the request was queued with.
    uint64_t data;
    // A poll mask, or -errno.
    int32_t result;
    // The request goes on and will say more.
    bool more;
};

// A ring for at most `entries` requests queued at once, or NULL with errno set: ENOSYS or EPERM where the kernel or a
// sandbox refuses, EINVAL where the kernel is older than 6.1.
struct cl_ring *_Nullable cl_ring_open(unsigned entries);
void cl_ring_close(struct cl_ring *_Nonnull ring);

// Each queues one request; a full queue is handed to the kernel first. -1 with errno set when that fails.
// Tells when `fd` is ready as `events` says: each time anew (`multishot`), or once.
int cl_ring_poll(struct cl_ring *_Nonnull ring, int fd, uint32_t events, uint64_t data, bool multishot);
// Ends the request that was queued with `data`; nothing is said of the cancelling itself.
int cl_ring_cancel(struct cl_ring *_Nonnull ring, uint64_t data);

// Hands over what is queued and waits for a completion: not at all for 0, for ever for -1. 0, or -1 with errno set.
int cl_ring_wait(struct cl_ring *_Nonnull ring, int timeoutMilliseconds);
// Completions that wait to be taken.
unsigned cl_ring_ready(const struct cl_ring *_Nonnull ring);
// Takes the oldest completion. False when there is none.
bool cl_ring_take(struct cl_ring *_Nonnull ring, struct cl_completion *_Nonnull completion);
