// One strict client connection of the storm, and what the files of the generator share.
#pragma once
#include <netinet/in.h>
#include <stdarg.h>
#include "wire.h"

enum kind { GET, POST, FRESH, PIPELINE, RARE, READER, RELAY, UPLOAD, TUNNEL, KINDS };

// Requests that one connection may have unanswered.
#define DEPTH 8
#define INPUT 16384

struct request {
    // What must come back: the body of `id`, `size` bytes; size 3 is a POST's count.
    uint32_t id, size;
    int is_post;
    uint64_t sent;
};

struct client {
    enum kind kind;
    int fd;
    // From connect on; printed with a failure so that the storm knows which connection it was.
    char name[32];
    uint64_t opened, due, patience;
    struct request requests[DEPTH];
    unsigned first, waiting;
    char out[2048];
    size_t out_from, out_to;
    char in[INPUT];
    size_t in_count;
    // Of the response being read: 0 before its head.
    int in_body;
    uint32_t at;
    // Of an upload being sent, or the number of the last frame sent and received.
    uint32_t sent, frames_sent, frames_seen;
    int is_open, is_writable, is_switched;
};

struct totals {
    uint64_t requests, posts, opened, failures, frames, transfers;
    uint32_t next_post, next_object;
};

extern struct totals totals;
extern const char *kind_names[KINDS];

// Says what went wrong on this connection and closes it; it is opened again later.
void fail(struct client *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
void note_latency(uint64_t us);

// kinds.c: what the connection does next, and what it makes of what has come.
void act(struct client *c, uint64_t now);
void take(struct client *c, uint64_t now);
