// What each kind of client asks for and insists on. It never retries, looks at every byte of every answer, and takes a
// `Connection: close` or an end of the connection that it did not ask for as a failure.
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include "client.h"

#define OBJECTS 200u
// One request in so many asks for an object that nobody has asked for before.
#define NEW_OBJECT 100u
#define NEWEST (1u << 20)

struct totals totals = {.next_post = 1, .next_object = OBJECTS};
const char *kind_names[KINDS] = {"get", "post", "fresh", "pipeline", "rare", "reader", "relay", "upload", "tunnel"};

static void flush(struct client *c) {
    while (c->out_from < c->out_to) {
        ssize_t n = send(c->fd, c->out + c->out_from, c->out_to - c->out_from, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) return fail(c, "cannot send: %s", strerror(errno));
        c->out_from += (size_t)n;
    }
    c->out_from = c->out_to = 0;
}

static void expect(struct client *c, uint32_t id, uint32_t size, int is_post, uint64_t now) {
    c->requests[(c->first + c->waiting++) % DEPTH] = (struct request){id, size, is_post, now};
    c->patience = now + 25000000u;
}

static void write_line(struct client *c, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(c->out + c->out_to, sizeof c->out - c->out_to, format, arguments);
    va_end(arguments);
    c->out_to += (size_t)n;
}

static void get(struct client *c, uint64_t now) {
    uint32_t id = (uint32_t)random() % OBJECTS;
    int is_new = c->kind == GET && (uint32_t)random() % NEW_OBJECT == 0 && totals.next_object < NEWEST;
    if (is_new) id = totals.next_object++;
    write_line(c, "GET /o/%u HTTP/1.1\r\nHost: storm\r\n\r\n", id);
    expect(c, id, object_size(id), 0, now);
}

static void post(struct client *c, uint64_t now) {
    uint32_t id = totals.next_post++ % MAX_ID;
    write_line(c, "POST /post/%u HTTP/1.1\r\nHost: storm\r\nContent-Length: 16\r\n\r\n", id);
    fill_body((uint8_t *)c->out + c->out_to, id, 0, 16);
    c->out_to += 16;
    expect(c, id, 3, 1, now);
}

static void begin_upload(struct client *c, uint64_t now) {
    uint32_t id = totals.next_post++ % MAX_ID;
    write_line(c, "POST /post/%u HTTP/1.1\r\nHost: storm\r\nContent-Length: %u\r\n\r\n", id, SLOW_BYTES);
    c->sent = 0;
    expect(c, id, 3, 1, now);
    c->patience = now + 45000000u;
}

static void continue_upload(struct client *c, uint64_t now) {
    if (c->sent == SLOW_BYTES || c->out_to > 0 || now < c->due) return;
    uint32_t id = c->requests[c->first].id, n = SLOW_BYTES - c->sent;
    // Two thousand bytes per 20 ms: the output buffer is small.
    if (n > 2000) n = 2000;
    fill_body((uint8_t *)c->out, id, c->sent, n);
    c->out_to = n;
    c->sent += n;
    c->due += 20000u;
    flush(c);
}

static void open_tunnel(struct client *c, uint64_t now) {
    write_line(c, "GET /tunnel HTTP/1.1\r\nHost: storm\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " SOCKET_KEY "\r\n\r\n");
    c->is_switched = 0;
    expect(c, 0, 0, 0, now);
}

// A masked text frame with a number; the echo must bring all of them back in order.
static void send_frame(struct client *c, uint64_t now) {
    static const uint8_t mask[4] = {1, 2, 3, 4};
    char text[16];
    int n = snprintf(text, sizeof text, "%012u", ++c->frames_sent);
    uint8_t *frame = (uint8_t *)c->out + c->out_to;
    frame[0] = 0x81;
    frame[1] = (uint8_t)(0x80 | n);
    memcpy(frame + 2, mask, 4);
    for (int i = 0; i < n; i++) frame[6 + i] = (uint8_t)text[i] ^ mask[i % 4];
    c->out_to += 6u + (size_t)n;
    if (c->frames_sent == c->frames_seen + 1) c->patience = now + 20000000u;
}

void act(struct client *c, uint64_t now) {
    flush(c);
    if (c->fd < 0) return;
    if (c->kind == UPLOAD && c->waiting > 0) return continue_upload(c, now);
    if (c->kind == TUNNEL && c->is_switched && now >= c->due && c->out_to == 0) {
        c->due = now + 50000u;
        send_frame(c, now);
        return flush(c);
    }
    if (c->waiting > 0 || now < c->due || c->is_switched) return;
    switch (c->kind) {
    case GET: c->due += 21333u; get(c, now); break;
    case POST: c->due += 21333u; post(c, now); break;
    case FRESH: get(c, now); break;
    case PIPELINE: c->due += 100000u; for (int i = 0; i < DEPTH; i++) get(c, now); break;
    case RARE: c->due = now + 2000000u + (uint64_t)random() % 4000000u; get(c, now); break;
    case UPLOAD: c->due = now; begin_upload(c, now); break;
    case TUNNEL: open_tunnel(c, now); break;
    default: {
        uint32_t id = (uint32_t)random() % 8u;
        write_line(c, "GET /%s/%u HTTP/1.1\r\nHost: storm\r\n\r\n", c->kind == READER ? "big" : "slow", id);
        expect(c, id, SLOW_BYTES, 0, now);
        c->patience = now + 45000000u;
        c->due = now;
    }
    }
    if (c->kind == GET || c->kind == POST) { if (c->due + 200000u < now) c->due = now; }
    flush(c);
}

// Reads the head in the buffer. False when the connection failed.
static int take_head(struct client *c, size_t length) {
    struct request *r = &c->requests[c->first];
    char value[64];
    int status = 0;
    if (sscanf(c->in, "HTTP/1.1 %d", &status) != 1) return fail(c, "not a response: %.20s", c->in), 0;
    if (c->kind == TUNNEL) {
        if (status != 101) return fail(c, "tunnel refused with %d", status), 0;
        c->is_switched = 1;
        c->waiting = 0;
        return 1;
    }
    if (status != 200) return fail(c, "answered %d", status), 0;
    if (field(c->in, length, "connection", value, sizeof value) && strstr(value, "close"))
        return fail(c, "told to close"), 0;
    if (!field(c->in, length, "content-length", value, sizeof value) || (uint32_t)atoi(value) != r->size)
        return fail(c, "wrong length of %u: %u expected", r->id, r->size), 0;
    c->in_body = 1;
    c->at = 0;
    return 1;
}

static void complete(struct client *c, uint64_t now) {
    struct request *r = &c->requests[c->first];
    totals.requests++;
    if (r->is_post) totals.posts++;
    if (r->size == SLOW_BYTES || c->kind == UPLOAD) totals.transfers++;
    if (c->kind == GET || c->kind == RARE) note_latency(now - r->sent);
    c->in_body = 0;
    c->first = (c->first + 1) % DEPTH;
    c->waiting--;
    if (c->waiting == 0) c->patience = 0;
    if (c->kind == FRESH) {
        close(c->fd);
        c->fd = -1;
    }
}

// Looks at body bytes; gives how many were used, or -1 when they are wrong.
static int take_body(struct client *c, const char *bytes, size_t count, uint64_t now) {
    struct request *r = &c->requests[c->first];
    uint32_t n = r->size - c->at < count ? r->size - c->at : (uint32_t)count;
    int64_t wrong = -1;
    if (r->is_post) {
        for (uint32_t i = 0; i < n; i++)
            if (bytes[i] != "001"[c->at + i]) return fail(c, "POST %u counted %.*s", r->id, (int)n, bytes), -1;
    } else {
        wrong = check_body((const uint8_t *)bytes, r->id, c->at, n);
    }
    if (wrong >= 0) return fail(c, "wrong byte %lld of object %u", (long long)wrong, r->id), -1;
    c->at += n;
    if (c->at == r->size) complete(c, now);
    return (int)n;
}

// Gives how many bytes of whole frames were used, or -1.
static int take_frames(struct client *c, const uint8_t *bytes, size_t count, uint64_t now) {
    size_t used = 0;
    while (count - used >= 14) {
        char text[16];
        snprintf(text, sizeof text, "%012u", c->frames_seen + 1);
        if (bytes[used] != 0x81 || bytes[used + 1] != 12 || memcmp(bytes + used + 2, text, 12) != 0)
            return fail(c, "wrong echo after frame %u", c->frames_seen), -1;
        c->frames_seen++;
        totals.frames++;
        used += 14;
        c->patience = now + 20000000u;
    }
    return (int)used;
}

static void consume(struct client *c, uint64_t now) {
    size_t used = 0;
    while (c->fd >= 0 && used < c->in_count) {
        const char *bytes = c->in + used;
        size_t left = c->in_count - used;
        int n;
        if (c->is_switched) {
            n = take_frames(c, (const uint8_t *)bytes, left, now);
        } else if (c->in_body) {
            n = take_body(c, bytes, left, now);
        } else {
            if (c->waiting == 0) return fail(c, "%zu bytes that nobody asked for", left);
            memmove(c->in, bytes, left);
            c->in_count = left;
            used = 0;
            size_t length = head_length(c->in, left);
            n = length == 0 ? 0 : take_head(c, length) ? (int)length : -1;
        }
        if (n < 0 || c->fd < 0) return;
        if (n == 0) break;
        used += (size_t)n;
    }
    c->in_count -= used;
    memmove(c->in, c->in + used, c->in_count);
}

void take(struct client *c, uint64_t now) {
    while (c->fd >= 0) {
        size_t space = INPUT - c->in_count;
        if (c->kind == READER && c->in_body) {
            // A slow reader leaves bytes in the kernel's small buffers, and so in the node.
            if (now < c->due) return;
            if (space > PACE_BYTES) space = PACE_BYTES;
        }
        if (space == 0) return fail(c, "a head of more than %d bytes", INPUT);
        ssize_t n = recv(c->fd, c->in + c->in_count, space, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) return;
        if (n < 0) return fail(c, "reset: %s, %u unanswered", strerror(errno), c->waiting);
        if (n == 0) return fail(c, "closed by the node, %u unanswered", c->waiting);
        c->in_count += (size_t)n;
        if (c->kind == READER && c->in_body) c->due = (now > c->due + 500000u ? now : c->due) + 10u * (uint64_t)n;
        consume(c, now);
    }
}
