// The storm's origin: answers objects, relays and uploads with bytes that the clients can check, counts how often each
// object was fetched and each POST arrived, echoes WebSocket frames. One thread, epoll. Prints a line per fetch
// ("get <us> <peer port> <id>") and at the end, on SIGTERM, one line of totals and one per POST that came twice.
// `origin plain` delays nothing and prints no fetches: the plain server that latency.py measures beside the node.
// `origin delay MS` holds every object back so long: many fetches run at once.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "wire.h"

#define INPUT 65536
#define OUTPUT 32768

enum state { READING, UPLOADING, ANSWERING, ECHOING };

struct peer {
    int fd, port;
    enum state state;
    char in[INPUT];
    size_t in_count;
    uint8_t out[OUTPUT];
    size_t out_from, out_to;
    // The body being sent, or received.
    uint32_t id, at, size;
    // A paced body goes on at `due`; of a delayed one the second half does.
    uint64_t due;
    // Nothing is sent before that; 0 for at once.
    uint64_t held;
    int paced, delayed, damaged, blocked;
};

static int poller, highest, is_plain;
static uint64_t delay_us;
static struct peer *peers[65536];
static uint8_t posted[MAX_ID];
static uint64_t fetches, posts;
static volatile sig_atomic_t stopping;

static void stop(int signal) { (void)signal; stopping = 1; }

static void drop(struct peer *p) {
    peers[p->fd] = NULL;
    close(p->fd);
    free(p);
}

static void put(struct peer *p, const char *text) {
    size_t n = strlen(text);
    memcpy(p->out + p->out_to, text, n);
    p->out_to += n;
}

static void begin_answer(struct peer *p, const char *fields, uint32_t size) {
    char head[256];
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\n%sContent-Length: %u\r\n\r\n", fields, size);
    put(p, head);
    p->state = ANSWERING;
    p->at = 0;
    p->size = size;
    p->paced = p->delayed = 0;
}

static void answer_count(struct peer *p, unsigned count) {
    char head[160];
    snprintf(head, sizeof head, "HTTP/1.1 %s\r\nCache-Control: no-store\r\nContent-Length: 3\r\n\r\n%03u",
             p->damaged ? "500 Damaged" : "200 OK", count);
    put(p, head);
    p->state = ANSWERING;
    p->at = p->size = 0;
    p->paced = p->delayed = 0;
}

static unsigned note_post(uint32_t id) {
    posts++;
    if (posted[id % MAX_ID] < 255) posted[id % MAX_ID]++;
    return posted[id % MAX_ID];
}

static void switch_protocols(struct peer *p) {
    put(p, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Accept: " SOCKET_ACCEPT "\r\n\r\n");
    p->state = ECHOING;
}

static void begin_get(struct peer *p, const char *path) {
    if (sscanf(path, "/o/%u", &p->id) == 1 || sscanf(path, "/big/%u", &p->id) == 1) {
        int is_big = path[1] == 'b';
        fetches++;
        if (!is_plain) printf("get %llu %d %s%u\n", (unsigned long long)now_us(), p->port, is_big ? "big/" : "", p->id);
        begin_answer(p, "Cache-Control: max-age=86400\r\n", is_big ? SLOW_BYTES : object_size(p->id));
        p->delayed = !is_plain && !is_big && p->id % 4 == 0;
        p->held = delay_us ? now_us() + delay_us : 0;
    } else if (sscanf(path, "/slow/%u", &p->id) == 1) {
        begin_answer(p, "Cache-Control: no-store\r\n", SLOW_BYTES);
        p->paced = 1;
        p->due = now_us();
    } else {
        p->id = 0;
        begin_answer(p, "Cache-Control: no-store\r\n", 2);
    }
}

// A whole head is in the buffer: acts on it. False when the peer was dropped.
static int begin(struct peer *p, size_t length) {
    char method[16] = "", path[128] = "", value[64];
    if (sscanf(p->in, "%15s %127s", method, path) != 2) { drop(p); return 0; }
    uint32_t body = field(p->in, length, "content-length", value, sizeof value) ? (uint32_t)atoi(value) : 0;
    int upgrades = field(p->in, length, "upgrade", value, sizeof value);
    p->in_count -= length;
    memmove(p->in, p->in + length, p->in_count);
    p->damaged = 0;
    if (strcmp(method, "POST") == 0 && sscanf(path, "/post/%u", &p->id) == 1) {
        p->state = UPLOADING;
        p->at = 0;
        p->size = body;
    } else if (upgrades) {
        switch_protocols(p);
    } else {
        begin_get(p, path);
    }
    return 1;
}

// Takes body bytes. True when the request is whole.
static int take_upload(struct peer *p) {
    uint32_t n = p->size - p->at < p->in_count ? p->size - p->at : (uint32_t)p->in_count;
    if (check_body((uint8_t *)p->in, p->id, p->at, n) >= 0) p->damaged = 1;
    p->at += n;
    p->in_count -= n;
    memmove(p->in, p->in + n, p->in_count);
    if (p->at < p->size) return 0;
    answer_count(p, note_post(p->id));
    return 1;
}

// Echoes whole frames: masked, at most 125 bytes each.
static void echo(struct peer *p) {
    while (p->in_count >= 6) {
        uint8_t *frame = (uint8_t *)p->in;
        size_t n = frame[1] & 0x7f;
        if (p->in_count < 6 + n || p->out_to + n + 2 > OUTPUT) return;
        p->out[p->out_to++] = frame[0];
        p->out[p->out_to++] = (uint8_t)n;
        for (size_t i = 0; i < n; i++) p->out[p->out_to++] = frame[6 + i] ^ frame[2 + i % 4];
        p->in_count -= 6 + n;
        memmove(p->in, p->in + 6 + n, p->in_count);
    }
}

// How many body bytes may be staged now; a pause is noted in `due`.
static uint32_t allowance(struct peer *p) {
    uint32_t left = p->size - p->at;
    if (p->paced) {
        uint64_t now = now_us();
        if (now < p->due) return 0;
        p->due += PACE_US;
        return left < PACE_BYTES ? left : PACE_BYTES;
    }
    if (p->delayed == 1) {
        p->delayed = 2;
        p->due = now_us() + 40000;
        return left / 2;
    }
    if (p->delayed == 2 && now_us() < p->due) return 0;
    return left;
}

// Sends what there is. False when the peer was dropped.
static int push(struct peer *p) {
    if (p->held > now_us()) return 1;
    p->held = 0;
    while (!p->blocked) {
        if (p->out_from == p->out_to) p->out_from = p->out_to = 0;
        if (p->state == ANSWERING && p->at < p->size && p->out_to < OUTPUT) {
            uint32_t n = allowance(p), space = (uint32_t)(OUTPUT - p->out_to);
            if (n > space) n = space;
            fill_body(p->out + p->out_to, p->id, p->at, n);
            p->out_to += n;
            p->at += n;
        }
        if (p->out_from == p->out_to) break;
        ssize_t sent = send(p->fd, p->out + p->out_from, p->out_to - p->out_from, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EAGAIN) p->blocked = 1;
        else if (sent <= 0) { drop(p); return 0; }
        else p->out_from += (size_t)sent;
    }
    if (p->state == ANSWERING && p->at == p->size && p->out_from == p->out_to) p->state = READING;
    return 1;
}

static void act(struct peer *p) {
    while (1) {
        size_t length;
        if (p->state == READING && (length = head_length(p->in, p->in_count))) {
            if (!begin(p, length)) return;
        } else if (p->state == UPLOADING && take_upload(p)) {
        } else if (p->state == ECHOING) {
            echo(p);
            push(p);
            return;
        } else if (p->state != ANSWERING) {
            return;
        }
        if (p->state == UPLOADING) continue;
        int was_answering = p->state == ANSWERING;
        if (!push(p)) return;
        if (was_answering && p->state == ANSWERING) return;
    }
}

static void readable(struct peer *p) {
    while (1) {
        if (p->in_count == INPUT) break;
        ssize_t got = recv(p->fd, p->in + p->in_count, INPUT - p->in_count, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) break;
        if (got <= 0) { drop(p); return; }
        p->in_count += (size_t)got;
        if (p->state == UPLOADING || p->in_count == INPUT) {
            int fd = p->fd;
            act(p);
            if (peers[fd] != p) return;
        }
    }
    act(p);
}

static void accept_all(int listener) {
    while (1) {
        struct sockaddr_in from;
        socklen_t size = sizeof from;
        int fd = accept4(listener, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct peer *p = calloc(1, sizeof *p);
        p->fd = fd;
        p->port = ntohs(from.sin_port);
        peers[fd] = p;
        if (fd > highest) highest = fd;
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.fd = fd};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
    }
}

static void run_timers(void) {
    static uint64_t last;
    uint64_t now = now_us();
    if (now - last < 5000) return;
    last = now;
    for (int fd = 0; fd <= highest; fd++) {
        struct peer *p = peers[fd];
        if (!p || p->state != ANSWERING) continue;
        if (p->held ? p->held <= now : (p->paced || p->delayed == 2) && p->due <= now) act(p);
    }
}

static int listen_anywhere(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (bind(fd, (struct sockaddr *)&address, size) || listen(fd, 1024)) { perror("origin"); exit(1); }
    getsockname(fd, (struct sockaddr *)&address, &size);
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv) {
    is_plain = argc > 1 && strcmp(argv[1], "plain") == 0;
    if (argc > 2 && strcmp(argv[1], "delay") == 0) delay_us = strtoull(argv[2], NULL, 10) * 1000u;
    signal(SIGTERM, stop);
    signal(SIGINT, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 1 << 16);
    poller = epoll_create1(EPOLL_CLOEXEC);
    int listener = listen_anywhere();
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[256];
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    while (!stopping) {
        int count = epoll_wait(poller, events, 256, 5);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) { accept_all(fd); continue; }
            if (!peers[fd]) continue;
            if (events[i].events & EPOLLOUT) peers[fd]->blocked = 0;
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readable(peers[fd]);
            else act(peers[fd]);
        }
        run_timers();
    }
    unsigned twice = 0, distinct = 0;
    for (uint32_t id = 0; id < MAX_ID; id++) {
        distinct += posted[id] > 0;
        if (posted[id] > 1 && ++twice < 20) printf("twice %u %u\n", id, posted[id]);
    }
    printf("total fetches %llu posts %llu distinct %u twice %u\n", (unsigned long long)fetches,
           (unsigned long long)posts, distinct, twice);
    return 0;
}
