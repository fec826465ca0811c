// Asynchronous names to addresses, over c-ares: plain numbers in and out, so that none of its types (nor those of the
// system's network headers) reach Swift. Nothing here waits, and nothing calls back: what happened is fetched.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct cr_resolver;

enum { CR_MAXIMUM_ADDRESSES = 16 };

struct cr_address {
    // 4 bytes or 16 bytes of `bytes` count.
    uint8_t bytes[16];
    bool isIPv6;
};

struct cr_answer {
    // The number given to `cr_ask`.
    int32_t asker;
    // NULL when there is an answer; else why not (static text).
    const char *_Nullable failure;
    // The shortest lifetime of the records; 0 where none is told (a hosts file).
    int32_t lifetimeSeconds;
    int32_t count;
    struct cr_address addresses[CR_MAXIMUM_ADDRESSES];
};

struct cr_socket {
    int32_t descriptor;
    bool reads;
    bool writes;
};

// `servers` is "ADDRESS:PORT,...", NULL for those of the system. NULL on failure, with `why` set to static text.
struct cr_resolver *_Nullable cr_make(const char *_Nullable servers, const char *_Nullable *_Nonnull why);
void cr_free(struct cr_resolver *_Nonnull resolver);
// Asks for the addresses of both families. `asker` comes back with the answer.
void cr_ask(struct cr_resolver *_Nonnull resolver, const char *_Nonnull name, int32_t asker);
// A watched socket is ready; -1 says only that time has passed.
void cr_ready(struct cr_resolver *_Nonnull resolver, int32_t descriptor, bool reads, bool writes);
// Milliseconds until `cr_ready` should be called with -1; negative for never.
int64_t cr_timeout_milliseconds(struct cr_resolver *_Nonnull resolver);
// Takes one of the sockets that are to be watched differently from now on. False when there is none.
bool cr_next_socket(struct cr_resolver *_Nonnull resolver, struct cr_socket *_Nonnull socket);
// Takes one of the answers. False when there is none.
bool cr_next_answer(struct cr_resolver *_Nonnull resolver, struct cr_answer *_Nonnull answer);
