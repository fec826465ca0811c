#define _GNU_SOURCE
#include "sockets.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define MAX_DESCRIPTORS 253

int cl_accept(int listener, struct sockaddr_storage *peer, socklen_t *peerLength) {
    *peerLength = sizeof *peer;
    return accept4(listener, (struct sockaddr *)peer, peerLength, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int cl_stream_socket(int family) { return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

int cl_seqpacket_pair(int ends[2]) {
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends);
}

int cl_stream_pair(int ends[2]) { return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends); }

int cl_set_option(int fd, int level, int name, int value) { return setsockopt(fd, level, name, &value, sizeof value); }

int cl_get_option(int fd, int level, int name, int *value) {
    socklen_t length = sizeof *value;
    return getsockopt(fd, level, name, value, &length);
}

pid_t cl_listening_process(int fd) {
    struct ucred who;
    socklen_t length = sizeof who;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) == 0 ? who.pid : -1;
}

int cl_unacknowledged(int fd) {
    int count = 0;
    return ioctl(fd, TIOCOUTQ, &count) == 0 ? count : -1;
}

ssize_t cl_send_file(int fd, int file, int64_t offset, size_t length) {
    off_t at = offset;
    return sendfile(fd, file, &at, length);
}

int cl_set_nonblocking(int fd, bool on) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return -1;
    return fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

ssize_t cl_send_descriptors(int fd, const void *bytes, size_t length, const int *fds, int fdCount) {
    if (fdCount < 0 || fdCount > MAX_DESCRIPTORS) {
        errno = EINVAL;
        return -1;
    }
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(MAX_DESCRIPTORS * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fdCount > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(fdCount * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fdCount * sizeof(int));
        memcpy(CMSG_DATA(header), fds, fdCount * sizeof(int));
    }
    return sendmsg(fd, &message, MSG_NOSIGNAL);
}

ssize_t cl_receive_descriptors(int fd, void *bytes, size_t capacity, int *fds, int fdCapacity, int *fdCount) {
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(MAX_DESCRIPTORS * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = bytes, .iov_len = capacity};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    *fdCount = 0;
    ssize_t received = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    if (received < 0) return -1;
    // Left out by the kernel for want of room in the descriptor table: the message counts, without any of them.
    bool lacking = (message.msg_flags & MSG_CTRUNC) != 0;
    bool overflow = (message.msg_flags & MSG_TRUNC) != 0;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&message); h; h = CMSG_NXTHDR(&message, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
        int count = (int)((h->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        for (int i = 0; i < count; i++) {
            int one;
            memcpy(&one, CMSG_DATA(h) + i * sizeof(int), sizeof one);
            if (*fdCount < fdCapacity)
                fds[(*fdCount)++] = one;
            else {
                overflow = true;
                close(one);
            }
        }
    }
    if (!overflow && !lacking) return received;
    for (int i = 0; i < *fdCount; i++) close(fds[i]);
    *fdCount = 0;
    if (!overflow) return received;
    errno = EMSGSIZE;
    return -1;
}

ssize_t cl_send2(int fd, const void *a, size_t aLength, const void *b, size_t bLength, bool more) {
    struct iovec parts[2] = {{.iov_base = (void *)a, .iov_len = aLength}, {.iov_base = (void *)b, .iov_len = bLength}};
    // writev is the cheaper call; SIGPIPE is ignored in a worker.
    if (!more) return writev(fd, parts, 2);
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    return sendmsg(fd, &message, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
}

int cl_attach_reuseport_cbpf(int fd, const uint64_t *instructions, int count) {
    struct sock_filter code[512];
    if (count < 1 || count > 512) {
        errno = EINVAL;
        return -1;
    }
    for (int i = 0; i < count; i++)
        code[i] = (struct sock_filter){
            .code = (uint16_t)(instructions[i] >> 48),
            .jt = (uint8_t)(instructions[i] >> 40),
            .jf = (uint8_t)(instructions[i] >> 32),
            .k = (uint32_t)instructions[i],
        };
    struct sock_fprog program = {.len = (unsigned short)count, .filter = code};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program);
}

static int peer(int fd, struct ucred *credentials) {
    socklen_t length = sizeof *credentials;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, &length);
}

int64_t cl_peer_uid(int fd) {
    struct ucred c;
    return peer(fd, &c) == 0 ? (int64_t)c.uid : -1;
}

int64_t cl_peer_pid(int fd) {
    struct ucred c;
    return peer(fd, &c) == 0 ? (int64_t)c.pid : -1;
}
