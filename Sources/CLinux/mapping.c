#define _GNU_SOURCE
#include "mapping.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/futex.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

void *cl_map_shared(int fd, size_t length, bool writable) {
    void *p = mmap(NULL, length, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED | MAP_NORESERVE, fd, 0);
    return p == MAP_FAILED ? NULL : p;
}

void cl_map_single_pages(void *address, size_t length) { madvise(address, length, MADV_NOHUGEPAGE); }

int cl_unmap(void *address, size_t length) { return munmap(address, length); }

int64_t cl_file_size(int fd) {
    struct stat s;
    return fstat(fd, &s) == 0 ? (int64_t)s.st_size : -1;
}

bool cl_is_zero_filled(int fd, int64_t start, int64_t end) {
    struct stat s;
    if (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode)) return false;
    char bytes[16384];
    while (start < end) {
        // A file system that knows of no holes is read from end to end.
        off_t data = lseek(fd, start, SEEK_DATA);
        if (data < 0 && errno == ENXIO) return true;
        if (data > start) start = data;
        if (start >= end) return true;
        size_t wanted = end - start < (int64_t)sizeof bytes ? (size_t)(end - start) : sizeof bytes;
        ssize_t n = pread(fd, bytes, wanted, start);
        if (n <= 0 || bytes[0] != 0 || memcmp(bytes, bytes + 1, (size_t)n - 1) != 0) return false;
        start += n;
    }
    return true;
}

int64_t cl_held_bytes(int fd) {
    struct stat s;
    return fstat(fd, &s) == 0 ? (int64_t)s.st_blocks * 512 : -1;
}

int cl_set_file_size(int fd, int64_t length) { return ftruncate(fd, length); }

int cl_duplicate(int fd) { return fcntl(fd, F_DUPFD_CLOEXEC, 3); }

int cl_open_region(const char *path, bool create) {
    return open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT | O_EXCL : 0), 0600);
}

int cl_lock_file(int fd) { return flock(fd, LOCK_EX | LOCK_NB); }

int64_t cl_file_system_room(int fd) {
    struct statfs s;
    return fstatfs(fd, &s) == 0 ? (int64_t)s.f_bavail * s.f_bsize : -1;
}

bool cl_is_memory_file(int fd) {
    struct statfs s;
    return fstatfs(fd, &s) == 0 && (s.f_type == TMPFS_MAGIC || s.f_type == HUGETLBFS_MAGIC);
}

// The entries' own type: robust_list is only the pointer.
struct node {
    struct robust_list link;
    uint32_t word;
};

static _Thread_local struct robust_list_head head;
static _Thread_local uint32_t registered;

// A forked child inherits the head's bytes but not its registration.
static void register_head(uint32_t me) {
    if (registered == me) return;
    registered = me;
    head.list.next = &head.list;
    head.futex_offset = offsetof(struct node, word);
    head.list_op_pending = NULL;
    syscall(SYS_set_robust_list, &head, sizeof head);
}

bool cl_robust_acquire(void *address, uint32_t expected) {
    struct node *n = address;
    uint32_t me = (uint32_t)syscall(SYS_gettid);
    register_head(me);
    // Announced first, so that a death between the exchange and the linking is noticed too.
    *(struct robust_list *volatile *)&head.list_op_pending = &n->link;
    bool taken = __atomic_compare_exchange_n(&n->word, &expected, me, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    if (taken) {
        n->link.next = head.list.next;
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        *(struct robust_list *volatile *)&head.list.next = &n->link;
    }
    *(struct robust_list *volatile *)&head.list_op_pending = NULL;
    return taken;
}

void cl_robust_release(void *address) {
    struct node *n = address;
    *(struct robust_list *volatile *)&head.list_op_pending = &n->link;
    for (struct robust_list *p = &head.list; p->next != &head.list; p = p->next)
        if (p->next == &n->link) {
            *(struct robust_list *volatile *)&p->next = n->link.next;
            break;
        }
    __atomic_store_n(&n->word, 0, __ATOMIC_SEQ_CST);
    *(struct robust_list *volatile *)&head.list_op_pending = NULL;
}

int cl_close_descriptor(int fd) { return close(fd); }

int64_t cl_read_at(void *buffer, size_t length, int fd) { return pread(fd, buffer, length, 0); }

static int64_t read_file(const char *path, void *buffer, size_t length) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t n = read(fd, buffer, length);
    close(fd);
    return n;
}

// The choice in force stands in brackets; without the file this kernel has no huge pages of that size.
static bool is_asked_for(const char *path) {
    char text[256];
    int64_t n = read_file(path, text, sizeof text - 1);
    if (n <= 0) return true;
    text[n] = 0;
    return strstr(text, "[never]") || strstr(text, "[advise]") || strstr(text, "[deny]") || strstr(text, "[inherit]");
}

bool cl_memory_files_have_single_pages(void) {
    if (sysconf(_SC_PAGESIZE) != 4096) return false;
    if (!is_asked_for("/sys/kernel/mm/transparent_hugepage/shmem_enabled")) return false;
    for (int kib = 8; kib <= 2048; kib *= 2) {
        char path[96];
        snprintf(path, sizeof path, "/sys/kernel/mm/transparent_hugepage/hugepages-%dkB/shmem_enabled", kib);
        if (!is_asked_for(path)) return false;
    }
    return true;
}

int64_t cl_boot_id(void *buffer, size_t length) {
    return read_file("/proc/sys/kernel/random/boot_id", buffer, length);
}

static int64_t number_of(const char *path) {
    char text[64];
    int64_t n = read_file(path, text, sizeof text - 1);
    if (n <= 0 || text[0] < '0' || text[0] > '9') return -1;
    text[n] = 0;
    return strtoll(text, NULL, 10);
}

int64_t cl_available_memory(void) {
    char text[4096];
    int64_t n = read_file("/proc/meminfo", text, sizeof text - 1), available = -1;
    if (n > 0) {
        text[n] = 0;
        const char *line = strstr(text, "MemAvailable:");
        if (line) available = strtoll(line + 13, NULL, 10) * 1024;
    }
    int64_t limit = number_of("/sys/fs/cgroup/memory.max"), used = number_of("/sys/fs/cgroup/memory.current");
    if (limit >= 0 && used >= 0 && (available < 0 || limit - used < available))
        available = limit > used ? limit - used : 0;
    return available;
}

int cl_remove_file(const char *path) { return unlink(path); }

int cl_sync_mapping(void *address, size_t length) { return msync(address, length, MS_SYNC); }
