// Memory files, event descriptors, clocks and randomness.
#pragma once
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

// Each returns a descriptor (close-on-exec) or -1 with errno set.
int cl_memfd_create(const char *_Nonnull name);
int cl_eventfd(unsigned initial);
// Bit N of the mask is signal N.
int cl_signalfd(const uint64_t *_Nonnull signalMask);
int cl_timerfd_monotonic(void);
// Arms a timerfd once after `nanoseconds` (0 disarms). 0 or -1.
int cl_timerfd_arm(int fd, uint64_t nanoseconds);

// Forbids shrinking and further sealing of a memfd. 0 or -1.
int cl_memfd_seal_shrink(int fd);
// Whether a file is a memfd that was sealed so.
bool cl_is_shrink_sealed(int fd);
// fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE). 0 or -1.
int cl_punch_hole(int fd, int64_t offset, int64_t length);
// fallocate(0): memory or disk is reserved now. 0 or -1.
int cl_allocate(int fd, int64_t offset, int64_t length);
int cl_close_range(unsigned first, unsigned last);
// Fills the buffer with random bytes; 0 or -1.
int cl_getrandom(void *_Nonnull buffer, size_t length);

// What stat tells, without the struct that two Swift modules claim to define. Symbolic links are followed. 0 or -1.
// write for lines that are rather lost than waited for: EAGAIN when a pipe, a socket or a terminal takes nothing now.
ssize_t cl_write_without_waiting(int fd, const void *_Nonnull bytes, size_t count);

struct cl_file_facts {
    uint64_t inode;
    uint32_t owner;
    bool isDirectory;
    bool isSocket;
    bool isRegular;
    uint32_t permissions;
};
int cl_file_facts(const char *_Nonnull path, struct cl_file_facts *_Nonnull facts);
int cl_descriptor_facts(int fd, struct cl_file_facts *_Nonnull facts);

static inline int64_t cl_clock_nanoseconds(int clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
static inline int64_t cl_monotonic_nanoseconds(void) { return cl_clock_nanoseconds(CLOCK_MONOTONIC); }
static inline int64_t cl_boottime_nanoseconds(void) { return cl_clock_nanoseconds(CLOCK_BOOTTIME); }
static inline int64_t cl_realtime_nanoseconds(void) { return cl_clock_nanoseconds(CLOCK_REALTIME); }
static inline int cl_errno(void) { return errno; }
static inline void cl_set_errno(int value) { errno = value; }
