// The storm's clients: one thread, epoll, strict connections of every kind at a fixed pace.
//     clients PORT SEED SCALE
// Commands on standard input: "window NAME" collects latencies under NAME from now on, "quit" ends. Printed: one line
// per failure ("fail <kind> <local address> <opened us> <failed us> <text>"), and totals and latencies at the end.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "client.h"

#define FRESH_SLOTS 400
#define FRESH_US 2000u
#define WINDOWS 4
#define BUCKETS 4096

static const int counts[KINDS] = {
    [GET] = 56, [POST] = 8, [FRESH] = FRESH_SLOTS, [PIPELINE] = 4, [RARE] = 20,
    [READER] = 4, [RELAY] = 3, [UPLOAD] = 4, [TUNNEL] = 4,
};
static struct client *clients;
static int client_count, poller;
static struct sockaddr_in node;
static uint64_t failed_by_kind[KINDS];
static uint32_t first_post;

struct window { char name[16]; uint64_t buckets[BUCKETS]; uint64_t count; };
static struct window windows[WINDOWS] = {{.name = "calm"}};
static struct window *window = windows;

// 10 us each up to 20 ms, then 10 ms each.
void note_latency(uint64_t us) {
    uint64_t bucket = us < 20000 ? us / 10 : 2000 + (us - 20000) / 10000;
    window->buckets[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    window->count++;
}

static void print_latencies(struct window *w) {
    static const double shares[] = {0.5, 0.9, 0.99, 0.999, 1};
    if (w->count == 0) return;
    printf("latency %s count %llu", w->name, (unsigned long long)w->count);
    for (int s = 0; s < 5; s++) {
        uint64_t seen = 0, bucket = 0, wanted = (uint64_t)((double)w->count * shares[s]);
        while (bucket < BUCKETS - 1 && seen + w->buckets[bucket] < wanted) seen += w->buckets[bucket++];
        uint64_t us = bucket < 2000 ? bucket * 10 + 10 : 20000 + (bucket - 2000) * 10000 + 10000;
        printf(" p%g %llu", shares[s] * 100, (unsigned long long)us);
    }
    printf("\n");
}

void fail(struct client *c, const char *format, ...) {
    char text[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    totals.failures++;
    failed_by_kind[c->kind]++;
    printf("fail %s %s %llu %llu %s\n", kind_names[c->kind], c->name, (unsigned long long)c->opened,
           (unsigned long long)now_us(), text);
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    c->due = now_us() + 20000u;
}

// Fresh connections come from several addresses, so that ports in TIME_WAIT do not run out.
static void open_client(struct client *c, uint64_t now) {
    static uint32_t turn;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1, small = 8192;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (c->kind == READER) setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    struct sockaddr_in from = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (c->kind == FRESH ? 1 + turn++ % 16 : 0));
    bind(c->fd, (struct sockaddr *)&from, sizeof from);
    c->first = c->waiting = 0;
    c->out_from = c->out_to = c->in_count = 0;
    c->in_body = c->is_switched = c->is_open = 0;
    c->frames_sent = c->frames_seen = 0;
    c->opened = now;
    c->patience = now + 10000000u;
    int result = connect(c->fd, (struct sockaddr *)&node, sizeof node);
    socklen_t size = sizeof from;
    getsockname(c->fd, (struct sockaddr *)&from, &size);
    snprintf(c->name, sizeof c->name, "%s:%d", inet_ntoa(from.sin_addr), ntohs(from.sin_port));
    if (result != 0 && errno != EINPROGRESS) return fail(c, "cannot connect: %s", strerror(errno));
    totals.opened++;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event);
}

static void became_ready(struct client *c, uint32_t events, uint64_t now) {
    if (c->fd < 0) return;
    if (!c->is_open) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) return fail(c, "cannot connect: %s", strerror(error));
        if (!(events & EPOLLOUT)) return;
        c->is_open = 1;
        c->patience = 0;
        // Not all at the same moment.
        if (c->kind != FRESH) c->due = now + (uint64_t)random() % 100000u;
    }
    take(c, now);
    if (c->fd >= 0) act(c, now);
}

static void tick(uint64_t now, uint64_t *next_fresh) {
    for (int i = 0; i < client_count; i++) {
        struct client *c = &clients[i];
        if (c->fd < 0) {
            if (c->kind == FRESH) {
                if (now < *next_fresh) continue;
                *next_fresh = *next_fresh + 100000u < now ? now : *next_fresh + FRESH_US;
                open_client(c, now);
            } else if (now >= c->due) {
                open_client(c, now);
            }
            continue;
        }
        if (c->patience > 0 && now > c->patience) {
            fail(c, "no %s in time, %u unanswered", c->is_open ? "answer" : "connection", c->waiting);
            continue;
        }
        if (!c->is_open) continue;
        if (c->kind == READER && c->in_body && now >= c->due) take(c, now);
        if (c->fd >= 0 && now >= c->due) act(c, now);
    }
}

// False when told to quit.
static int obey(void) {
    static char line[64];
    static size_t count;
    while (count < sizeof line - 1) {
        ssize_t n = read(0, line + count, 1);
        if (n == 0) return 0;
        if (n < 0) return 1;
        if (line[count++] != '\n') continue;
        line[count - 1] = 0;
        count = 0;
        if (strcmp(line, "quit") == 0) return 0;
        if (strncmp(line, "window ", 7) != 0) continue;
        for (window = windows; window < windows + WINDOWS - 1; window++)
            if (!window->name[0] || strcmp(window->name, line + 7) == 0) break;
        snprintf(window->name, sizeof window->name, "%.15s", line + 7);
    }
    return 1;
}

static void make_clients(double scale) {
    for (int k = 0; k < KINDS; k++) client_count += (int)(counts[k] * scale + 0.999);
    clients = calloc((size_t)client_count, sizeof *clients);
    struct client *c = clients;
    for (int k = 0; k < KINDS; k++)
        for (int i = 0; i < (int)(counts[k] * scale + 0.999); i++, c++) {
            c->kind = (enum kind)k;
            c->fd = -1;
            c->due = now_us() + (uint64_t)random() % 500000u;
        }
}

int main(int argc, char **argv) {
    if (argc < 3) return fprintf(stderr, "usage: clients PORT SEED [SCALE]\n"), 2;
    node = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    srandom((unsigned)atoi(argv[2]));
    // Runs against one origin differ in their seeds, and so in the numbers of their POSTs.
    totals.next_post += (unsigned)atoi(argv[2]) % 32 * (MAX_ID / 32);
    first_post = totals.next_post;
    signal(SIGINT, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 1 << 16);
    fcntl(0, F_SETFL, O_NONBLOCK);
    poller = epoll_create1(EPOLL_CLOEXEC);
    make_clients(argc > 3 ? atof(argv[3]) : 1);
    struct epoll_event events[256];
    uint64_t next_fresh = now_us() + 500000u, last = 0, began = now_us();
    while (1) {
        int ready = epoll_wait(poller, events, 256, 1);
        uint64_t now = now_us();
        for (int i = 0; i < ready; i++) became_ready(events[i].data.ptr, events[i].events, now);
        if (now - last < 1000) continue;
        last = now;
        if (!obey()) break;
        tick(now, &next_fresh);
    }
    printf("total requests %llu posts %llu asked %u opened %llu frames %llu transfers %llu failures %llu "
           "seconds %.1f\n",
           (unsigned long long)totals.requests, (unsigned long long)totals.posts, totals.next_post - first_post,
           (unsigned long long)totals.opened, (unsigned long long)totals.frames,
           (unsigned long long)totals.transfers, (unsigned long long)totals.failures,
           (double)(now_us() - began) / 1e6);
    for (int k = 0; k < KINDS; k++)
        if (failed_by_kind[k]) printf("failed %s %llu\n", kind_names[k], (unsigned long long)failed_by_kind[k]);
    for (int w = 0; w < WINDOWS; w++) print_latencies(&windows[w]);
    return 0;
}
