#define _GNU_SOURCE
#include "descriptors.h"
#include <poll.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

int cl_memfd_create(const char *name) { return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING); }

int cl_eventfd(unsigned initial) { return eventfd(initial, EFD_CLOEXEC | EFD_NONBLOCK); }

int cl_signalfd(const uint64_t *signalMask) {
    sigset_t set;
    sigemptyset(&set);
    for (int s = 1; s < 64; s++)
        if (*signalMask >> s & 1) sigaddset(&set, s);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int cl_timerfd_monotonic(void) { return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK); }

int cl_timerfd_arm(int fd, uint64_t nanoseconds) {
    struct itimerspec t = {.it_value = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000}};
    return timerfd_settime(fd, 0, &t, NULL);
}

int cl_memfd_seal_shrink(int fd) { return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL); }

bool cl_is_shrink_sealed(int fd) {
    int seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_SHRINK);
}

int cl_punch_hole(int fd, int64_t offset, int64_t length) {
    return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
}

int cl_allocate(int fd, int64_t offset, int64_t length) { return fallocate(fd, 0, offset, length); }

int cl_close_range(unsigned first, unsigned last) { return (int)syscall(SYS_close_range, first, last, 0); }

int cl_getrandom(void *buffer, size_t length) {
    return getrandom(buffer, length, 0) == (ssize_t)length ? 0 : -1;
}

static void facts_of(const struct stat *from, struct cl_file_facts *facts) {
    facts->inode = from->st_ino;
    facts->owner = from->st_uid;
    facts->isDirectory = S_ISDIR(from->st_mode);
    facts->isSocket = S_ISSOCK(from->st_mode);
    facts->isRegular = S_ISREG(from->st_mode);
    facts->permissions = from->st_mode & 07777;
}

int cl_file_facts(const char *path, struct cl_file_facts *facts) {
    struct stat found;
    if (stat(path, &found) != 0) return -1;
    facts_of(&found, facts);
    return 0;
}

int cl_descriptor_facts(int fd, struct cl_file_facts *facts) {
    struct stat found;
    if (fstat(fd, &found) != 0) return -1;
    facts_of(&found, facts);
    return 0;
}

// A reader that stands still must not stop the writer: neither by a full pipe nor by a full socket.
ssize_t cl_write_without_waiting(int fd, const void *bytes, size_t count) {
    ssize_t sent = send(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0 || errno != ENOTSOCK) return sent;
    struct stat found;
    if (fstat(fd, &found) == 0 && S_ISFIFO(found.st_mode)) {
        // Several processes write to the same pipe: what is writable may be full in the next moment.
        struct iovec piece = {.iov_base = (void *)bytes, .iov_len = count};
        ssize_t written = pwritev2(fd, &piece, 1, -1, RWF_NOWAIT);
        if (written >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL)) return written;
    }
    struct pollfd wanted = {.fd = fd, .events = POLLOUT};
    if (poll(&wanted, 1, 0) == 0) {
        errno = EAGAIN;
        return -1;
    }
    return write(fd, bytes, count);
}
