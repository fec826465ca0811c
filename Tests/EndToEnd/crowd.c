// A crowd of clients in one cheap process: connects, asks for one path over every connection, then reads all of them
// to their end and compares every byte with a file. For each client it prints when the kernel had its first body byte,
// when this program read it (both CLOCK_REALTIME nanoseconds) and how the response ended.
//
//     crowd PORT PATH CLIENTS FILE
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_ROOM = 4096, PIECE = 1 << 18, EVENTS = 1024 };

struct member {
    int fd;
    int headLength;
    char head[HEAD_ROOM];
    long long offset, kernelAt, readAt;
    const char *outcome;
};

static const char *body;
static long long bodyLength;
static char piece[PIECE];

static void fail(const char *what) {
    perror(what);
    exit(2);
}

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void map(const char *path) {
    int fd = open(path, O_RDONLY);
    struct stat facts;
    if (fd < 0 || fstat(fd, &facts) < 0) fail(path);
    bodyLength = facts.st_size;
    body = mmap(NULL, facts.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (body == MAP_FAILED) fail("mmap");
}

static int connectTo(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

// One read; `stamp` becomes the time at which the kernel had its last byte, 0 when it does not say.
static ssize_t receive(struct member *m, char *into, size_t room, long long *stamp) {
    char control[256];
    struct iovec part = {into, room};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t count = recvmsg(m->fd, &message, 0);
    *stamp = 0;
    if (count <= 0) return count;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS) continue;
        struct timespec t;
        memcpy(&t, CMSG_DATA(c), sizeof t);
        *stamp = t.tv_sec * 1000000000LL + t.tv_nsec;
    }
    return count;
}

static void take(struct member *m, const char *bytes, ssize_t count, long long stamp) {
    if (count == 0) return;
    if (!m->readAt) {
        m->readAt = now();
        m->kernelAt = stamp ? stamp : m->readAt;
    }
    if (m->offset + count > bodyLength || memcmp(body + m->offset, bytes, count)) {
        m->outcome = "wrong";
        return;
    }
    m->offset += count;
    if (m->offset == bodyLength) m->outcome = "whole";
}

static void readMember(struct member *m) {
    int inHead = m->offset < 0;
    long long stamp;
    ssize_t count = inHead ? receive(m, m->head + m->headLength, HEAD_ROOM - 1 - m->headLength, &stamp)
                           : receive(m, piece, PIECE, &stamp);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) {
        m->outcome = "cut";
        return;
    }
    if (!inHead) return take(m, piece, count, stamp);
    m->headLength += count;
    m->head[m->headLength] = 0;
    char *end = memmem(m->head, m->headLength, "\r\n\r\n", 4);
    if (!end) {
        if (m->headLength == HEAD_ROOM - 1) m->outcome = "wrong";
        return;
    }
    if (strncmp(m->head, "HTTP/1.1 200", 12)) {
        m->outcome = "refused";
        return;
    }
    m->offset = 0;
    take(m, end + 4, m->head + m->headLength - (end + 4), stamp);
}

int main(int count, char **words) {
    if (count != 5) return fprintf(stderr, "usage: crowd PORT PATH CLIENTS FILE\n"), 2;
    int port = atoi(words[1]), clients = atoi(words[3]), left = clients;
    struct rlimit limit = {65536, 65536};
    setrlimit(RLIMIT_NOFILE, &limit);
    map(words[4]);
    struct member *members = calloc(clients, sizeof *members);
    int epoll = epoll_create1(0);
    for (int i = 0; i < clients; i++) {
        members[i].fd = connectTo(port);
        members[i].offset = -1;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &members[i]};
        epoll_ctl(epoll, EPOLL_CTL_ADD, members[i].fd, &event);
    }
    char request[512];
    int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: crowd.test\r\n\r\n", words[2]);
    for (int i = 0; i < clients; i++) {
        if (send(members[i].fd, request, length, MSG_NOSIGNAL) != length) fail("send");
    }
    puts("asked");
    fflush(stdout);
    static struct epoll_event events[EVENTS];
    while (left) {
        int ready = epoll_wait(epoll, events, EVENTS, 60000);
        if (ready <= 0) break;
        // First bytes before bulk, so that this program measures the node and not itself.
        for (int pass = 0; pass < 2; pass++) {
            for (int i = 0; i < ready; i++) {
                struct member *m = events[i].data.ptr;
                if (m->outcome || (m->readAt != 0) != (pass == 1)) continue;
                readMember(m);
                if (!m->outcome) continue;
                close(m->fd);
                left--;
            }
        }
    }
    for (int i = 0; i < clients; i++) {
        struct member *m = &members[i];
        printf("%lld %lld %s\n", m->kernelAt, m->readAt, m->outcome ? m->outcome : "waiting");
    }
    return 0;
}
