// The callbacks of c-ares leave what they have to say in two growing queues.
#include "CResolver.h"
#include <ares.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct answer_link {
    struct answer_link *next;
    struct cr_answer answer;
};

struct socket_link {
    struct socket_link *next;
    struct cr_socket socket;
};

struct cr_resolver {
    ares_channel channel;
    struct answer_link *firstAnswer, **lastAnswer;
    struct socket_link *firstSocket, **lastSocket;
};

struct question {
    struct cr_resolver *resolver;
    int32_t asker;
};

static void watch(void *context, ares_socket_t descriptor, int reads, int writes) {
    struct cr_resolver *resolver = context;
    struct socket_link *link = calloc(1, sizeof *link);
    if (!link) return;
    link->socket = (struct cr_socket){descriptor, reads != 0, writes != 0};
    *resolver->lastSocket = link;
    resolver->lastSocket = &link->next;
}

static void addAddress(struct cr_answer *answer, const struct ares_addrinfo_node *node) {
    if (answer->count == CR_MAXIMUM_ADDRESSES) return;
    struct cr_address *address = &answer->addresses[answer->count];
    if (node->ai_family == AF_INET) {
        memcpy(address->bytes, &((const struct sockaddr_in *)node->ai_addr)->sin_addr, 4);
    } else if (node->ai_family == AF_INET6) {
        address->isIPv6 = true;
        memcpy(address->bytes, &((const struct sockaddr_in6 *)node->ai_addr)->sin6_addr, 16);
    } else {
        return;
    }
    if (answer->count == 0 || node->ai_ttl < answer->lifetimeSeconds) answer->lifetimeSeconds = node->ai_ttl;
    answer->count++;
}

static void answered(void *context, int status, int timeouts, struct ares_addrinfo *result) {
    (void)timeouts;
    struct question question = *(struct question *)context;
    free(context);
    struct answer_link *link = status == ARES_EDESTRUCTION ? NULL : calloc(1, sizeof *link);
    if (link) {
        link->answer.asker = question.asker;
        for (struct ares_addrinfo_node *node = result ? result->nodes : NULL; node; node = node->ai_next) {
            addAddress(&link->answer, node);
        }
        if (status != ARES_SUCCESS) link->answer.failure = ares_strerror(status);
        if (status == ARES_SUCCESS && link->answer.count == 0) link->answer.failure = "the name has no address";
        *question.resolver->lastAnswer = link;
        question.resolver->lastAnswer = &link->next;
    }
    if (result) ares_freeaddrinfo(result);
}

struct cr_resolver *cr_make(const char *servers, const char **why) {
    struct cr_resolver *resolver = calloc(1, sizeof *resolver);
    *why = "no memory";
    if (!resolver) return NULL;
    resolver->lastAnswer = &resolver->firstAnswer;
    resolver->lastSocket = &resolver->firstSocket;
    struct ares_options options = {
        .flags = ARES_FLAG_NOSEARCH,
        .timeout = 2000,
        .tries = 3,
        .sock_state_cb = watch,
        .sock_state_cb_data = resolver,
    };
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
    int status = ares_library_init(ARES_LIB_INIT_ALL);
    if (status == ARES_SUCCESS) status = ares_init_options(&resolver->channel, &options, mask);
    if (status == ARES_SUCCESS && servers && (status = ares_set_servers_ports_csv(resolver->channel, servers))) {
        ares_destroy(resolver->channel);
    }
    if (status == ARES_SUCCESS) return resolver;
    *why = ares_strerror(status);
    free(resolver);
    return NULL;
}

void cr_free(struct cr_resolver *resolver) {
    ares_destroy(resolver->channel);
    struct cr_answer answer;
    struct cr_socket socket;
    while (cr_next_answer(resolver, &answer)) {}
    while (cr_next_socket(resolver, &socket)) {}
    free(resolver);
}

void cr_ask(struct cr_resolver *resolver, const char *name, int32_t asker) {
    struct question *question = malloc(sizeof *question);
    if (!question) return;
    *question = (struct question){resolver, asker};
    struct ares_addrinfo_hints hints = {
        .ai_flags = ARES_AI_NOSORT, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    ares_getaddrinfo(resolver->channel, name, NULL, &hints, answered, question);
}

void cr_ready(struct cr_resolver *resolver, int32_t descriptor, bool reads, bool writes) {
    ares_process_fd(
        resolver->channel, reads ? descriptor : ARES_SOCKET_BAD, writes ? descriptor : ARES_SOCKET_BAD);
}

int64_t cr_timeout_milliseconds(struct cr_resolver *resolver) {
    struct timeval room, *wait = ares_timeout(resolver->channel, NULL, &room);
    return wait ? wait->tv_sec * INT64_C(1000) + (wait->tv_usec + 999) / 1000 : -1;
}

bool cr_next_socket(struct cr_resolver *resolver, struct cr_socket *socket) {
    struct socket_link *link = resolver->firstSocket;
    if (!link) return false;
    *socket = link->socket;
    resolver->firstSocket = link->next;
    if (!link->next) resolver->lastSocket = &resolver->firstSocket;
    free(link);
    return true;
}

bool cr_next_answer(struct cr_resolver *resolver, struct cr_answer *answer) {
    struct answer_link *link = resolver->firstAnswer;
    if (!link) return false;
    *answer = link->answer;
    resolver->firstAnswer = link->next;
    if (!link->next) resolver->lastAnswer = &resolver->firstAnswer;
    free(link);
    return true;
}
