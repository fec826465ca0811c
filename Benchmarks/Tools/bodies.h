// The bodies of the benchmark site, made from their names alone, so that the origin can serve them and the load
// generator can check them without sharing a file. No sockets here.
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum body_kind { BODY_NONE, BODY_RAW, BODY_TEXT, BODY_JSON, BODY_HTML };

struct body_name {
    enum body_kind kind;
    size_t size;
    uint64_t number;
};

static inline uint64_t body_random(uint64_t *state) {
    uint64_t mixed = (*state += 0x9e3779b97f4a7c15ull);
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ull;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebull;
    return mixed ^ (mixed >> 31);
}

/// `/raw/SIZE/NUMBER`, `/text/SIZE/NUMBER`, `/json/NUMBER`, `/html/NUMBER`; the number may be missing (0).
static inline struct body_name body_parse(const char *path) {
    struct body_name name = {BODY_NONE, 1024, 0};
    char *rest = NULL;
    if (!strncmp(path, "/raw/", 5))
        name.kind = BODY_RAW, name.size = strtoul(path + 5, &rest, 10);
    else if (!strncmp(path, "/text/", 6))
        name.kind = BODY_TEXT, name.size = strtoul(path + 6, &rest, 10);
    else if (!strncmp(path, "/json/", 6))
        name.kind = BODY_JSON, name.number = strtoull(path + 6, &rest, 10);
    else if (!strncmp(path, "/html/", 6))
        name.kind = BODY_HTML, name.number = strtoull(path + 6, &rest, 10);
    if ((name.kind == BODY_RAW || name.kind == BODY_TEXT) && rest && *rest == '/')
        name.number = strtoull(rest + 1, NULL, 10);
    if (name.size > (64u << 20)) name.kind = BODY_NONE;
    return name;
}

static inline const char *body_type(enum body_kind kind) {
    switch (kind) {
    case BODY_TEXT: return "text/plain; charset=utf-8";
    case BODY_JSON: return "application/json";
    case BODY_HTML: return "text/html; charset=utf-8";
    default: return "image/jpeg";
    }
}

static const char *const body_words[] = {
    "the",       "river",    "keeps",    "a",        "steady", "course",     "and",    "every",    "house",
    "along",     "its",      "bank",     "holds",    "some",   "quiet",      "story",  "of",       "weather",
    "bread",     "lanterns", "winter",   "journeys", "market", "letters",    "from",   "northern", "harbour",
    "where",     "small",    "boats",    "return",   "before", "evening",    "with",   "silver",   "catch",
    "children",  "count",    "swallows", "under",    "wooden", "bridge",     "while",  "old",      "clock",
    "above",     "town",     "hall",     "strikes",  "seven",  "travellers", "unfold", "maps",     "compare",
    "distances", "laugh",    "about",    "roads",    "they",   "never",      "found",  "again",    "morning",
    "light",     "settles",  "between"};

/// Prose that compresses about as well as prose does.
static inline size_t body_prose(char *out, size_t room, uint64_t *state) {
    size_t used = 0;
    while (used < room) {
        uint64_t dice = body_random(state);
        const char *word = body_words[dice % (sizeof body_words / sizeof *body_words)];
        char piece[32];
        int length = snprintf(piece, sizeof piece, "%s%s", word,
                              dice >> 60 == 0   ? ".\n"
                              : dice >> 60 == 1 ? ", "
                                                : " ");
        if ((size_t)length > room - used) length = (int)(room - used);
        memcpy(out + used, piece, (size_t)length);
        used += (size_t)length;
    }
    return used;
}

static inline size_t body_json(char *out, size_t size, uint64_t number, uint64_t *state) {
    static const char *const states[] = {"available", "backorder", "discontinued", "preorder"};
    char title[64], description[160];
    body_prose(title, 40, state), title[40] = 0;
    body_prose(description, 150, state), description[150] = 0;
    for (char *c = title; *c; c++)
        if (*c == '\n') *c = ' ';
    for (char *c = description; *c; c++)
        if (*c == '\n') *c = ' ';
    int used =
        snprintf(out, size,
                 "{\"id\":%llu,\"sku\":\"%08llx\",\"title\":\"%s\",\"description\":\"%s\",\"price\":{\"amount\":%llu.%"
                 "02llu,\"currency\":\"EUR\"},"
                 "\"state\":\"%s\",\"stock\":%llu,\"updated\":\"2026-%02llu-%02lluT%02llu:%02llu:00Z\",\"ratings\":[",
                 (unsigned long long)number, (unsigned long long)(body_random(state) >> 32), title, description,
                 (unsigned long long)(body_random(state) % 900), (unsigned long long)(body_random(state) % 100),
                 states[body_random(state) % 4], (unsigned long long)(body_random(state) % 5000),
                 (unsigned long long)(1 + body_random(state) % 12), (unsigned long long)(1 + body_random(state) % 28),
                 (unsigned long long)(body_random(state) % 24), (unsigned long long)(body_random(state) % 60));
    while ((size_t)used + 90 < size)
        used +=
            snprintf(out + used, size - (size_t)used, "{\"user\":%llu,\"stars\":%llu,\"helpful\":%llu},",
                     (unsigned long long)(body_random(state) % 1000000),
                     (unsigned long long)(1 + body_random(state) % 5), (unsigned long long)(body_random(state) % 300));
    used -= 1;
    used += snprintf(out + used, size - (size_t)used, "],\"note\":\"");
    body_prose(out + used, size - (size_t)used, state);
    for (size_t i = (size_t)used; i < size; i++)
        if (out[i] == '\n') out[i] = ' ';
    memcpy(out + size - 3, "\"}\n", 3);
    return size;
}

static inline size_t body_html(char *out, size_t size, uint64_t number, uint64_t *state) {
    int used = snprintf(
        out, size,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Item %llu</title>"
        "<link rel=\"stylesheet\" href=\"/static/site.css\"><script src=\"/static/site.js\" defer></script></head>\n"
        "<body><header><nav><a href=\"/\">Home</a> <a href=\"/items\">Items</a> <a "
        "href=\"/about\">About</a></nav></header>\n<main><h1>Item %llu</h1>\n",
        (unsigned long long)number, (unsigned long long)number);
    while ((size_t)used + 160 < size) {
        used += snprintf(out + used, size - (size_t)used, "<p class=\"line\">");
        used += (int)body_prose(out + used, 90, state);
        used += snprintf(out + used, size - (size_t)used, "</p>\n");
    }
    body_prose(out + used, size - (size_t)used, state);
    static const char end[] = "</main></body></html>\n";
    memcpy(out + size - (sizeof end - 1), end, sizeof end - 1);
    return size;
}

/// Fills `out` (of `name.size` bytes). Raw and text bodies open with a line that names them, so that a checker can
/// tell one from another cheaply.
static inline void body_fill(struct body_name name, char *out) {
    uint64_t state = name.number * 0x100000001b3ull + name.size + (uint64_t)name.kind * 7919;
    if (name.kind == BODY_JSON && name.size > 600) {
        body_json(out, name.size, name.number, &state);
        return;
    }
    if (name.kind == BODY_HTML && name.size > 600) {
        body_html(out, name.size, name.number, &state);
        return;
    }
    char line[64];
    size_t used = (size_t)snprintf(line, sizeof line, "%s %zu %llu\n", name.kind == BODY_RAW ? "raw" : "text",
                                   name.size, (unsigned long long)name.number);
    if (used > name.size) used = name.size;
    memcpy(out, line, used);
    if (name.kind == BODY_TEXT) {
        body_prose(out + used, name.size - used, &state);
        return;
    }
    while (used < name.size) {
        uint64_t word = body_random(&state);
        size_t part = name.size - used < 8 ? name.size - used : 8;
        memcpy(out + used, &word, part);
        used += part;
    }
}
