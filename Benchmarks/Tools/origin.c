// The benchmark's origin: serves bodies made from their names (bodies.h), all cacheable for a day, and counts what it
// was asked, so that a run can prove that its hits were hits. `GET /count` answers the number and is not counted.
// Usage: origin PORT
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "bodies.h"

struct client {
    int descriptor;
    size_t received, sent, length;
    char *answer;
    int closes;
    char request[16384];
};

static int poller;
static unsigned long long asked;

static void drop(struct client *client) {
    close(client->descriptor);
    free(client->answer);
    free(client);
}

static void want(struct client *client, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = client};
    epoll_ctl(poller, EPOLL_CTL_MOD, client->descriptor, &event);
}

static void date_of(time_t time, char out[64]) {
    struct tm parts;
    gmtime_r(&time, &parts);
    strftime(out, 64, "%a, %d %b %Y %H:%M:%S GMT", &parts);
}

static void compose(struct client *client, const char *method, const char *path) {
    struct body_name name = body_parse(path);
    char counted[32], now[64], head[1024];
    const char *literal = NULL;
    if (!strcmp(path, "/count")) {
        snprintf(counted, sizeof counted, "%llu\n", asked);
        literal = counted;
    } else {
        asked++;
        if (name.kind == BODY_NONE) literal = "no such body\n";
    }
    date_of(time(NULL), now);
    size_t length = literal ? strlen(literal) : name.size;
    int used;
    if (literal)
        used = snprintf(
            head, sizeof head,
            "HTTP/1.1 %s\r\nServer: origin\r\nDate: %s\r\nCache-Control: no-store\r\nContent-Length: %zu\r\n\r\n",
            literal == counted ? "200 OK" : "404 Not Found", now, length);
    else
        used = snprintf(head, sizeof head,
                        "HTTP/1.1 200 OK\r\nServer: origin\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                        "Last-Modified: Mon, 05 Jan 2026 10:00:00 GMT\r\nETag: \"%x-%zx-%llx\"\r\nCache-Control: "
                        "public, max-age=86400\r\n\r\n",
                        now, body_type(name.kind), length, name.kind, name.size, (unsigned long long)name.number);
    int bodiless = !strcmp(method, "HEAD");
    client->length = (size_t)used + (bodiless ? 0 : length);
    client->answer = malloc((size_t)used + length + 1);
    client->sent = 0;
    memcpy(client->answer, head, (size_t)used);
    if (literal)
        memcpy(client->answer + used, literal, length);
    else if (!bodiless)
        body_fill(name, client->answer + used);
}

/// Returns 0 when the client is gone.
static int push(struct client *client) {
    while (client->sent < client->length) {
        ssize_t count =
            send(client->descriptor, client->answer + client->sent, client->length - client->sent, MSG_NOSIGNAL);
        if (count < 0) {
            if (errno == EAGAIN) {
                want(client, EPOLLOUT);
                return 1;
            }
            drop(client);
            return 0;
        }
        client->sent += (size_t)count;
    }
    free(client->answer);
    client->answer = NULL;
    if (client->closes) {
        drop(client);
        return 0;
    }
    want(client, EPOLLIN);
    return 1;
}

/// Answers every whole request in the buffer (bodies of requests are not expected here).
static void serve(struct client *client) {
    while (!client->answer) {
        char *end = memmem(client->request, client->received, "\r\n\r\n", 4);
        if (!end) {
            if (client->received == sizeof client->request) drop(client);
            return;
        }
        *end = 0;
        char method[16] = "", path[1024] = "", version[16] = "";
        sscanf(client->request, "%15s %1023s %15s", method, path, version);
        client->closes = !strcmp(version, "HTTP/1.0") || strcasestr(client->request, "\nconnection: close") != NULL;
        size_t taken = (size_t)(end + 4 - client->request);
        compose(client, method, path);
        memmove(client->request, end + 4, client->received - taken);
        client->received -= taken;
        if (!push(client)) return;
    }
}

static void take(int listener) {
    int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
    if (descriptor < 0) return;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct client *client = calloc(1, sizeof *client);
    client->descriptor = descriptor;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event);
}

static void ready(struct client *client) {
    if (client->answer) {
        if (push(client) && !client->answer) serve(client);
        return;
    }
    ssize_t count =
        recv(client->descriptor, client->request + client->received, sizeof client->request - client->received, 0);
    if (count > 0) {
        client->received += (size_t)count;
        serve(client);
    } else if (count == 0 || errno != EAGAIN) {
        drop(client);
    }
}

int main(int count, char **arguments) {
    if (count < 2) {
        fprintf(stderr, "usage: origin PORT\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) {
        perror("origin: cannot listen");
        return 1;
    }
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[128];
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int happened = epoll_wait(poller, events, 128, -1);
        for (int i = 0; i < happened; i++) {
            if (events[i].data.ptr)
                ready(events[i].data.ptr);
            else
                take(listener);
        }
    }
}
