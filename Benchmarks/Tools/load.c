// The load generator: closed loop, open loop at a fixed rate (latency counted from the moment a request was due, so a
// stalled server cannot hide), one connection per request, or idle connections held open. Every response is checked:
// its length, and its bytes (one path) or its first line (many paths). One thread, epoll. Prints one JSON object.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bodies.h"
#include "histogram.h"

enum { RECEIVE_BYTES = 256 << 10, HEAD_BYTES = 8192, REQUEST_BYTES = 1024 };

struct connection {
    int descriptor;
    int busy;     // a request is out
    int closing;  // this response is the connection's last
    int status;
    int head_length;    // bytes of an unfinished head held in `head`
    uint64_t due;       // when the request should have left, nanoseconds
    uint64_t number;    // which of the paths
    int64_t remaining;  // body bytes still to come; -1 while the head is being read
    size_t offset;      // body bytes seen
    char head[HEAD_BYTES];
};

struct settings {
    const char *host, *path, *header, *method;
    int port, connections, churn, hold, status, free_body, clients, distinct;
    uint64_t paths, requests;
    double rate, duration, warmup;
};

static struct settings settings = {.host = "127.0.0.1",
                                   .path = "/text/1024",
                                   .header = "",
                                   .method = "GET",
                                   .connections = 64,
                                   .duration = 5,
                                   .status = 200,
                                   .paths = 0,
                                   .clients = 1};
static struct connection *connections;
static int poller, *idle, idle_count;
static uint64_t issued, finished, errors, counted, next_number, body_bytes, first_due, record_from, stop_at;
static struct histogram histogram;
static char *expected, *received;
static size_t expected_length;
static char first_error[160];

static uint64_t now_nanoseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000ull + (uint64_t)time.tv_nsec;
}

static void complain(const char *what, long detail) {
    errors++;
    if (!first_error[0]) snprintf(first_error, sizeof first_error, "%s (%ld)", what, detail);
}

static int open_connection(struct connection *connection) {
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)settings.port)};
    inet_pton(AF_INET, settings.host, &address.sin_addr);
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (settings.clients > 1) {  // spread over 127.0.0.x so that ephemeral ports suffice
        struct sockaddr_in own = {.sin_family = AF_INET};
        own.sin_addr.s_addr = htonl(0x7f000001u + (uint32_t)((connection - connections) % settings.clients));
        setsockopt(descriptor, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &one, sizeof one);
        bind(descriptor, (struct sockaddr *)&own, sizeof own);
    }
    if (descriptor < 0 || connect(descriptor, (struct sockaddr *)&address, sizeof address)) {
        complain("connect", errno);
        if (descriptor >= 0) close(descriptor);
        connection->descriptor = -1;
        return 0;
    }
    connection->descriptor = descriptor;
    connection->busy = 0;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event);
    return 1;
}

static size_t compose(char *request, uint64_t number) {
    char path[512];
    if (settings.paths)
        snprintf(path, sizeof path, "%s/%llu", settings.path, (unsigned long long)number);
    else
        snprintf(path, sizeof path, "%s", settings.path);
    char own[64] = "";
    if (settings.distinct) snprintf(own, sizeof own, "X-Request-Number: %09llu\r\n", (unsigned long long)issued);
    return (size_t)snprintf(request, REQUEST_BYTES, "%s %s HTTP/1.1\r\nHost: bench.example\r\n%s%s%s%s\r\n",
                            settings.method, path, settings.header, settings.header[0] ? "\r\n" : "", own,
                            settings.churn ? "Connection: close\r\n" : "");
}

static void issue(struct connection *connection, uint64_t due) {
    static char request[REQUEST_BYTES];
    static size_t length;
    connection->due = due;
    if (connection->descriptor < 0 && !open_connection(connection)) return;
    connection->number = settings.paths ? next_number++ % settings.paths : 0;
    if (!length || settings.paths || settings.distinct) length = compose(request, connection->number);
    connection->busy = 1;
    connection->closing = settings.churn;
    connection->remaining = -1;
    connection->offset = 0;
    connection->head_length = 0;
    issued++;
    if (send(connection->descriptor, request, length, MSG_NOSIGNAL) != (ssize_t)length) complain("send", errno);
}

static void forget(struct connection *connection) {
    close(connection->descriptor);
    connection->descriptor = -1;
}

/// The response is complete: record it, and make the connection free again.
static void settle(struct connection *connection, uint64_t now) {
    finished++;
    if (connection->due >= record_from && connection->due < stop_at) {
        counted++;
        histogram_add(&histogram, now > connection->due ? now - connection->due : 0);
    }
    connection->busy = 0;
    // The server closes first, always: who does pays for the closed state, and that must not depend on a race.
    if (!connection->closing) idle[idle_count++] = (int)(connection - connections);
}

static void fail(struct connection *connection, const char *what, long detail) {
    complain(what, detail);
    forget(connection);
    if (connection->busy) idle[idle_count++] = (int)(connection - connections);
    connection->busy = 0;
}

static int check_body(struct connection *connection, const char *bytes, size_t length) {
    if (settings.free_body) return 1;
    if (!settings.paths) return !memcmp(bytes, expected + connection->offset, length);
    if (connection->offset) return 1;
    char line[64];
    struct body_name name = body_parse(settings.path);
    if (name.kind != BODY_RAW && name.kind != BODY_TEXT) return 1;
    int used = snprintf(line, sizeof line, "%s %zu %llu\n", name.kind == BODY_RAW ? "raw" : "text", name.size,
                        (unsigned long long)connection->number);
    return !memcmp(bytes, line, length < (size_t)used ? length : (size_t)used);
}

/// Reads a complete head (ending at `end`); returns 0 if it is not what was asked for.
static int read_head(struct connection *connection, char *head, char *end) {
    *end = 0;
    connection->status = atoi(head + 9);
    char *length = strcasestr(head, "\ncontent-length:");
    if (strcasestr(head, "\nconnection: close")) connection->closing = 1;
    int bodiless = connection->status == 304 || !strcmp(settings.method, "HEAD");
    connection->remaining = bodiless ? 0 : length ? strtol(length + 16, NULL, 10) : -2;
    if (connection->status != settings.status) {
        fail(connection, "status", connection->status);
        return 0;
    }
    if (connection->remaining < 0) {
        fail(connection, "no content-length", connection->status);
        return 0;
    }
    if (!bodiless && !settings.free_body && (size_t)connection->remaining != expected_length) {
        fail(connection, "length", connection->remaining);
        return 0;
    }
    return 1;
}

static void digest(struct connection *connection, char *bytes, size_t length) {
    if (!connection->busy) {
        fail(connection, "bytes nobody asked for", (long)length);
        return;
    }
    if (connection->remaining < 0) {
        if (connection->head_length + length > HEAD_BYTES - 1 && connection->head_length) {
            fail(connection, "head too long", 0);
            return;
        }
        char *head = bytes;
        size_t have = length;
        if (connection->head_length) {  // a head in pieces
            memcpy(connection->head + connection->head_length, bytes, length);
            head = connection->head;
            have = (size_t)connection->head_length + length;
        }
        char *end = memmem(head, have, "\r\n\r\n", 4);
        if (!end) {
            if (have >= HEAD_BYTES) {
                fail(connection, "head too long", 0);
                return;
            }
            if (!connection->head_length) memcpy(connection->head, bytes, length);
            connection->head_length = (int)have;
            return;
        }
        if (!read_head(connection, head, end)) return;
        bytes = end + 4;
        length = have - (size_t)(end + 4 - head);
    }
    if (length > (size_t)connection->remaining) {
        fail(connection, "more than promised", (long)length);
        return;
    }
    if (length && !check_body(connection, bytes, length)) {
        fail(connection, "wrong bytes", (long)connection->offset);
        return;
    }
    connection->offset += length;
    connection->remaining -= (int64_t)length;
    body_bytes += length;
    if (connection->remaining == 0) settle(connection, now_nanoseconds());
}

static void handle(struct connection *connection) {
    ssize_t count = recv(connection->descriptor, received, RECEIVE_BYTES - 1, MSG_DONTWAIT);
    if (count > 0) {
        digest(connection, received, (size_t)count);
    } else if (count == 0 && !connection->busy) {
        if (connection->closing) idle[idle_count++] = (int)(connection - connections);
        forget(connection);
    } else if (count == 0 || errno != EAGAIN) {
        fail(connection, count ? "receive" : "closed early", count ? errno : 0);
    }
}

/// Sends what is due: in a closed loop whatever connection is free, in an open loop only what the clock allows.
static void dispatch(uint64_t now) {
    while (idle_count && (!settings.requests || issued < settings.requests)) {
        uint64_t due = now;
        if (settings.rate > 0) due = first_due + (uint64_t)((double)issued * 1e9 / settings.rate);
        if (due > now || due >= stop_at) return;
        struct connection *connection = &connections[idle[--idle_count]];
        issue(connection, due);
        if (connection->descriptor < 0) {
            idle[idle_count++] = (int)(connection - connections);
            issued++;
            return;
        }
    }
}

static int finished_all(uint64_t now) {
    if (settings.requests && finished + errors >= settings.requests) return 1;
    if (now < stop_at) return 0;
    return idle_count == settings.connections || now > stop_at + 2000000000ull;
}

static void run(void) {
    struct epoll_event events[256];
    uint64_t now = now_nanoseconds();
    first_due = now;
    record_from = now + (uint64_t)(settings.warmup * 1e9);
    stop_at = record_from + (uint64_t)(settings.duration * 1e9);
    while (!finished_all(now)) {
        if (now < stop_at) dispatch(now);
        // An open loop spins: sleeping would add the generator's own wake-up time to what it measures.
        int happened = epoll_wait(poller, events, 256, settings.rate > 0 ? 0 : 100);
        for (int i = 0; i < happened; i++) handle(events[i].data.ptr);
        now = now_nanoseconds();
        if (errors > 1000) return;
    }
}

/// One request on each connection, then all of them idle until the reader of standard output closes standard input.
static void hold_idle(void) {
    struct epoll_event events[256];
    stop_at = UINT64_MAX;
    for (int i = 0; i < settings.connections && errors < 100; i++) {
        if (!open_connection(&connections[i])) continue;
        idle_count--;
        issue(&connections[i], now_nanoseconds());
        while (connections[i].busy && errors < 100) {
            int happened = epoll_wait(poller, events, 256, 5000);
            if (happened <= 0) {
                complain("no answer", i);
                break;
            }
            for (int j = 0; j < happened; j++) handle(events[j].data.ptr);
        }
    }
    printf("{\"held\": %llu, \"errors\": %llu, \"first_error\": \"%s\"}\n", (unsigned long long)finished,
           (unsigned long long)errors, first_error);
    fflush(stdout);
    char byte;
    while (read(0, &byte, 1) > 0) {}
    int alive = 0;
    for (int i = 0; i < settings.connections; i++)
        alive += connections[i].descriptor >= 0 &&
                 recv(connections[i].descriptor, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
    printf("{\"alive\": %d}\n", alive);
}

static double micro(double quantile) { return (double)histogram_quantile(&histogram, quantile) / 1000; }

static void report(double cpu_seconds, double wall_seconds) {
    double quarter = micro(0.25), middle = micro(0.5), three = micro(0.75);
    printf("{\"requests\": %llu, \"finished\": %llu, \"errors\": %llu, \"first_error\": \"%s\", \"unfinished\": %llu, "
           "\"seconds\": %.3f, \"generator_cpu\": %.3f, \"body_bytes\": %llu, \"mean\": %.2f, \"p25\": %.2f, \"p50\": "
           "%.2f, \"p75\": %.2f, "
           "\"p90\": %.2f, \"p99\": %.2f, \"p999\": %.2f, \"max\": %.2f, \"trimean\": %.2f}\n",
           (unsigned long long)counted, (unsigned long long)finished, (unsigned long long)errors, first_error,
           (unsigned long long)(issued - finished - (issued - finished > errors ? errors : issued - finished)),
           wall_seconds, cpu_seconds, (unsigned long long)body_bytes,
           histogram.count ? (double)histogram.sum / (double)histogram.count / 1000 : 0, quarter, middle, three,
           micro(0.9), micro(0.99), micro(0.999), (double)histogram.max / 1000, (quarter + 2 * middle + three) / 4);
}

static void read_options(int count, char **arguments) {
    static const struct option options[] = {
        {"port", 1, 0, 'p'},     {"connections", 1, 0, 'c'}, {"rate", 1, 0, 'r'},     {"duration", 1, 0, 'd'},
        {"warmup", 1, 0, 'w'},   {"path", 1, 0, 'u'},        {"paths", 1, 0, 'n'},    {"header", 1, 0, 'H'},
        {"close", 0, 0, 'x'},    {"hold", 0, 0, 'i'},        {"requests", 1, 0, 'q'}, {"status", 1, 0, 's'},
        {"any-body", 0, 0, 'b'}, {"method", 1, 0, 'm'},      {"clients", 1, 0, 'a'},  {"distinct", 0, 0, 'n' + 256},
        {0, 0, 0, 0}};
    for (int option; (option = getopt_long(count, arguments, "", options, NULL)) != -1;) {
        switch (option) {
        case 'p': settings.port = atoi(optarg); break;
        case 'c': settings.connections = atoi(optarg); break;
        case 'r': settings.rate = atof(optarg); break;
        case 'd': settings.duration = atof(optarg); break;
        case 'w': settings.warmup = atof(optarg); break;
        case 'u': settings.path = optarg; break;
        case 'n': settings.paths = strtoull(optarg, NULL, 10); break;
        case 'H': settings.header = optarg; break;
        case 'x': settings.churn = 1; break;
        case 'i': settings.hold = 1; break;
        case 'q':
            settings.requests = strtoull(optarg, NULL, 10);
            settings.duration = 1e6;
            break;
        case 's': settings.status = atoi(optarg); break;
        case 'b': settings.free_body = 1; break;
        case 'm': settings.method = optarg; break;
        case 'a': settings.clients = atoi(optarg); break;
        case 'n' + 256: settings.distinct = 1; break;
        default:
            fprintf(
                stderr,
                "usage: load --port N [--path P [--paths N]] [--connections N] [--rate R] [--duration S] [--warmup S] "
                "[--requests N] [--close] [--hold] [--header H] [--status N] [--any-body] [--method M] [--clients "
                "N] [--distinct]\n");
            exit(2);
        }
    }
    if (settings.connections < 1) settings.connections = 1;
}

int main(int count, char **arguments) {
    signal(SIGPIPE, SIG_IGN);
    read_options(count, arguments);
    struct body_name name = body_parse(settings.path);
    expected_length = name.size;
    expected = malloc(name.size + 1);
    if (name.kind == BODY_NONE)
        settings.free_body = 1;
    else
        body_fill(name, expected);
    received = malloc(RECEIVE_BYTES);
    connections = calloc((size_t)settings.connections, sizeof *connections);
    idle = calloc((size_t)settings.connections, sizeof *idle);
    poller = epoll_create1(EPOLL_CLOEXEC);
    for (int i = settings.connections - 1; i >= 0; i--) {
        connections[i].descriptor = -1;
        idle[idle_count++] = i;
    }
    if (settings.hold) {
        hold_idle();
        return errors ? 1 : 0;
    }
    struct timespec cpu;
    uint64_t start = now_nanoseconds();
    run();
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    report((double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9, (double)(now_nanoseconds() - start) / 1e9);
    return errors ? 1 : 0;
}
