// What the storm's two sides agree on: the bytes of every object, sizes by kind, and the clock. No sockets here.
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

// Bodies of slow transfers: 15 s at 100 KB/s.
#define SLOW_BYTES 1500000u
#define SLOW_RATE 100000u
// A slow sender or reader moves this much every PACE_US.
#define PACE_BYTES 5000u
#define PACE_US 50000u
#define MAX_ID (1u << 26)
#define SOCKET_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define SOCKET_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static inline uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

// Byte i of body id: text that compresses, and differs between any two ids and places.
static inline uint8_t body_byte(uint32_t id, uint32_t i) {
    return (uint8_t)('a' + (id * 31u + i * 7u + (i >> 6) * (id | 1u) + (id >> 5)) % 26u);
}

static inline uint32_t object_size(uint32_t id) { return 500u + id * 7919u % 8000u; }

static inline void fill_body(uint8_t *out, uint32_t id, uint32_t from, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) out[i] = body_byte(id, from + i);
}

// The first wrong byte, or -1.
static inline int64_t check_body(const uint8_t *bytes, uint32_t id, uint32_t from, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (bytes[i] != body_byte(id, from + i)) return (int64_t)from + i;
    return -1;
}

// Length of the message head in the buffer with its empty line, or 0.
static inline size_t head_length(const char *bytes, size_t count) {
    const char *end = memmem(bytes, count, "\r\n\r\n", 4);
    return end ? (size_t)(end - bytes) + 4 : 0;
}

// The value of a field, copied in lower case; false when the head has none.
static inline int field(const char *head, size_t length, const char *name, char *value, size_t space) {
    size_t size = strlen(name);
    const char *end = head + length;
    for (const char *line = head; line && line < end; line = memmem(line, (size_t)(end - line), "\r\n", 2)) {
        while (line < head + length && (*line == '\r' || *line == '\n')) line++;
        if ((size_t)(head + length - line) <= size || strncasecmp(line, name, size) != 0 || line[size] != ':') continue;
        const char *from = line + size + 1;
        size_t n = 0;
        while (from < head + length && *from == ' ') from++;
        while (from < head + length && *from != '\r' && n + 1 < space) {
            char c = *from++;
            value[n++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
        }
        value[n] = 0;
        return 1;
    }
    return 0;
}
