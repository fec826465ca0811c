// The floor: the least a server can do per request. epoll, one recv, one send of a fixed answer, no parsing.
// Usage: floor PORT BODY_BYTES HEAD_BYTES [close]   (HEAD_BYTES pads the head so that the sent bytes equal a rival's)
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_DESCRIPTORS = 65536 };
static char *answer;
static size_t answer_length;
static int closes;
static size_t sent[MAX_DESCRIPTORS];  // 0: no answer under way; otherwise how much of it is out
static int poller;

static void build_answer(size_t body, size_t head) {
    char text[8192];
    int used = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n%sX-Pad: ", body,
                        closes ? "Connection: close\r\n" : "");
    if (head > 4096) head = 4096;
    while ((size_t)used + 4 < head) text[used++] = 'x';
    memcpy(text + used, "\r\n\r\n", 4);
    used += 4;
    answer_length = (size_t)used + body;
    answer = malloc(answer_length);
    memcpy(answer, text, (size_t)used);
    memset(answer + used, 'b', body);
}

static void drop(int descriptor) {
    sent[descriptor] = 0;
    close(descriptor);
}

static void want(int descriptor, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = descriptor};
    epoll_ctl(poller, EPOLL_CTL_MOD, descriptor, &event);
}

static void push(int descriptor) {
    int waited = sent[descriptor] != 0;
    while (sent[descriptor] < answer_length) {
        ssize_t count = send(descriptor, answer + sent[descriptor], answer_length - sent[descriptor], MSG_NOSIGNAL);
        if (count < 0) {
            if (errno != EAGAIN) {
                drop(descriptor);
                return;
            }
            if (!waited) want(descriptor, EPOLLOUT);
            return;
        }
        sent[descriptor] += (size_t)count;
        if (sent[descriptor] < answer_length && !waited) {
            want(descriptor, EPOLLOUT);
            return;
        }
    }
    sent[descriptor] = 0;
    if (closes) {
        drop(descriptor);
        return;
    }
    if (waited) want(descriptor, EPOLLIN);
}

static void take(int listener) {
    for (;;) {
        int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor < 0) return;
        if (descriptor >= MAX_DESCRIPTORS) {
            close(descriptor);
            continue;
        }
        int one = 1;
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
        epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event);
    }
}

static int listen_on(int port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) {
        perror("floor: cannot listen");
        exit(1);
    }
    return listener;
}

int main(int count, char **arguments) {
    if (count < 4) {
        fprintf(stderr, "usage: floor PORT BODY_BYTES HEAD_BYTES [close]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    closes = count > 4;
    build_answer(strtoul(arguments[2], NULL, 10), strtoul(arguments[3], NULL, 10));
    int listener = listen_on(atoi(arguments[1]));
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[256];
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    static char request[16384];
    for (;;) {
        int ready = epoll_wait(poller, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            int descriptor = events[i].data.fd;
            if (descriptor == listener) {
                take(listener);
                continue;
            }
            if (sent[descriptor]) {
                push(descriptor);
                continue;
            }
            ssize_t received = recv(descriptor, request, sizeof request, 0);
            if (received > 0)
                push(descriptor);
            else if (received == 0 || errno != EAGAIN)
                drop(descriptor);
        }
    }
}
