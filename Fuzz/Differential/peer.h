// A second, independent parser to compare ours with: Debian's libhttp-parser, reduced to what a connection's bytes
// come to.
#ifndef MARTLET_FUZZ_PEER_H
#define MARTLET_FUZZ_PEER_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    // Of requests.
    uint64_t url_hash;
    uint64_t body_hash;
    uint64_t body_bytes;
    uint8_t method;
    // Of responses.
    uint16_t status;
    uint8_t minor;
    uint8_t keep_alive;
} peer_message;

typedef struct {
    peer_message messages[16];
    int count;
    // The parser's error number; 0 for none.
    int error;
    // The bytes end inside a message.
    int waiting;
    // The last message closes the connection.
    int closed;
} peer_outcome;

void peer_parse(const uint8_t *bytes, size_t count, peer_outcome *outcome);
// The answers to GET, or to HEAD, and then the end of the connection.
void peer_parse_responses(const uint8_t *bytes, size_t count, int to_head, peer_outcome *outcome);
const char *peer_error_name(int error);
const char *peer_method_name(int method);

#endif
