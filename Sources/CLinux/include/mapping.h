// Shared mappings of files, and robust futex words inside them: the kernel marks a word when the thread that holds it
// dies. The list head is ours; no pthread mutex ever lies in a mapped file.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

// Maps `length` bytes of the file, shared, read and write (or read only). NULL with errno set on failure.
void *_Nullable cl_map_shared(int fd, size_t length, bool writable);
// Keeps huge pages out of a mapping: only single pages can leave a file while the kernel still sends from them.
void cl_map_single_pages(void *_Nonnull address, size_t length);
// Whether memory files get single pages of 4 KiB unless a mapping asks for huge ones.
bool cl_memory_files_have_single_pages(void);
int cl_unmap(void *_Nonnull address, size_t length);
// Bytes of the file, or -1.
int64_t cl_file_size(int fd);
// Whether an ordinary file is nothing but zeros in a range. Holes are not read.
bool cl_is_zero_filled(int fd, int64_t start, int64_t end);
// Bytes of memory or disk that the file takes, or -1.
int64_t cl_held_bytes(int fd);
int cl_set_file_size(int fd, int64_t length);
int cl_duplicate(int fd);
// Opens a file close-on-exec, read and write; `create` makes it and fails if it exists. Descriptor or -1.
int cl_open_region(const char *_Nonnull path, bool create);
// Locks the file for whoever shares this open file of it, without waiting. 0 or -1 (EWOULDBLOCK: somebody has it).
int cl_lock_file(int fd);
// Room on the file's file system for an unprivileged user, in bytes, or -1.
int64_t cl_file_system_room(int fd);
// Whether the file lies in memory (tmpfs).
bool cl_is_memory_file(int fd);

// A node is 16 bytes, 8-aligned: a private list pointer and, 8 bytes in, the 32-bit futex word.
// Takes the word for the calling thread if it holds `expected`: true when taken (word = thread id). Until released the
// kernel sets CL_OWNER_DIED when this thread ends, however it ends.
bool cl_robust_acquire(void *_Nonnull node, uint32_t expected);
// Gives the word back (0). Only for the thread that acquired it.
void cl_robust_release(void *_Nonnull node);
enum { CL_OWNER_DIED = 0x40000000, CL_WAITERS = 0x80000000u, CL_THREAD_MASK = 0x3fffffff };

int cl_close_descriptor(int fd);
// Reads from the start of the file. Bytes or -1.
int64_t cl_read_at(void *_Nonnull buffer, size_t length, int fd);
// The text of /proc/sys/kernel/random/boot_id. Bytes or -1.
int64_t cl_boot_id(void *_Nonnull buffer, size_t length);
// Memory that could be had without swapping, in bytes, or -1: the least of MemAvailable and the cgroup's headroom.
int64_t cl_available_memory(void);
int cl_remove_file(const char *_Nonnull path);
int cl_sync_mapping(void *_Nonnull address, size_t length);
static inline void cl_sleep_microseconds(unsigned n) { usleep(n); }
static inline int cl_process_id(void) { return getpid(); }
static inline int cl_event_signal(int fd) {
    uint64_t one = 1;
    return write(fd, &one, sizeof one) == (ssize_t)sizeof one ? 0 : -1;
}
static inline bool cl_equal(const void *_Nonnull a, const void *_Nonnull b, size_t n) {
    return __builtin_memcmp(a, b, n) == 0;
}
