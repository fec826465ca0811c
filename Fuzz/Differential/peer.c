// See peer.h. Hashes are 64-bit FNV-1a, as in Outcome.swift.
#include "peer.h"

#include <http_parser.h>
#include <string.h>

static const uint64_t fnv_start = 0xcbf29ce484222325ULL;

static uint64_t fnv(uint64_t hash, const char *at, size_t length) {
    for (size_t i = 0; i < length; i++) hash = (hash ^ (uint8_t)at[i]) * 0x100000001b3ULL;
    return hash;
}

static peer_message *current(http_parser *parser) {
    peer_outcome *outcome = parser->data;
    return &outcome->messages[outcome->count < 16 ? outcome->count : 15];
}

static int on_begin(http_parser *parser) {
    peer_message *message = current(parser);
    memset(message, 0, sizeof *message);
    message->url_hash = message->body_hash = fnv_start;
    ((peer_outcome *)parser->data)->waiting = 1;
    return 0;
}

static int on_url(http_parser *parser, const char *at, size_t length) {
    current(parser)->url_hash = fnv(current(parser)->url_hash, at, length);
    return 0;
}

static int on_body(http_parser *parser, const char *at, size_t length) {
    current(parser)->body_hash = fnv(current(parser)->body_hash, at, length);
    current(parser)->body_bytes += length;
    return 0;
}

static int on_complete(http_parser *parser) {
    peer_outcome *outcome = parser->data;
    peer_message *message = current(parser);
    message->method = (uint8_t)parser->method;
    message->status = (uint16_t)parser->status_code;
    message->minor = (uint8_t)parser->http_minor;
    message->keep_alive = (uint8_t)http_should_keep_alive(parser);
    if (outcome->count < 16) outcome->count++;
    outcome->waiting = 0;
    if (!message->keep_alive || outcome->count == 16) {
        outcome->closed = 1;
        http_parser_pause(parser, 1);
    }
    return 0;
}

void peer_parse(const uint8_t *bytes, size_t count, peer_outcome *outcome) {
    http_parser parser;
    http_parser_settings settings;
    memset(outcome, 0, sizeof *outcome);
    http_parser_settings_init(&settings);
    settings.on_message_begin = on_begin;
    settings.on_url = on_url;
    settings.on_body = on_body;
    settings.on_message_complete = on_complete;
    http_parser_init(&parser, HTTP_REQUEST);
    parser.data = outcome;
    http_parser_execute(&parser, &settings, (const char *)bytes, count);
    int error = (int)HTTP_PARSER_ERRNO(&parser);
    outcome->error = error == HPE_PAUSED ? 0 : error;
    if (parser.upgrade && error == 0) outcome->closed = 1;
}

static int to_head_answered;

// http-parser leaves it to its caller to know that these statuses have no body when the fields announce one.
static int on_headers(http_parser *parser) {
    int status = parser->status_code;
    return to_head_answered || status == 204 || status == 304 || (status < 200 && status != 101);
}

void peer_parse_responses(const uint8_t *bytes, size_t count, int to_head, peer_outcome *outcome) {
    http_parser parser;
    http_parser_settings settings;
    memset(outcome, 0, sizeof *outcome);
    http_parser_settings_init(&settings);
    settings.on_message_begin = on_begin;
    settings.on_headers_complete = on_headers;
    settings.on_body = on_body;
    settings.on_message_complete = on_complete;
    to_head_answered = to_head;
    http_parser_init(&parser, HTTP_RESPONSE);
    parser.data = outcome;
    http_parser_execute(&parser, &settings, (const char *)bytes, count);
    int error = (int)HTTP_PARSER_ERRNO(&parser);
    if (error == 0 && parser.upgrade) outcome->closed = 1;
    if (error == 0 && !outcome->closed) {
        // The end of the connection ends a body that nothing else ends.
        http_parser_execute(&parser, &settings, 0, 0);
        error = (int)HTTP_PARSER_ERRNO(&parser);
        if (error == HPE_INVALID_EOF_STATE) error = 0;
    }
    outcome->error = error == HPE_PAUSED ? 0 : error;
}

const char *peer_error_name(int error) { return http_errno_name((enum http_errno)error); }
const char *peer_method_name(int method) { return http_method_str((enum http_method)method); }
