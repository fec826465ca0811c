// epoll, with the event's user data as one 64-bit word.
#pragma once
#include <stdint.h>
#include <sys/epoll.h>

enum {
    CL_EPOLLIN = EPOLLIN,
    CL_EPOLLOUT = EPOLLOUT,
    CL_EPOLLERR = EPOLLERR,
    CL_EPOLLHUP = EPOLLHUP,
    CL_EPOLLRDHUP = EPOLLRDHUP,
};
static const uint32_t CL_EPOLLET = 1u << 31;
static const uint32_t CL_EPOLLEXCLUSIVE = 1u << 28;

int cl_epoll_create(void);
int cl_epoll_add(int epoll, int fd, uint32_t events, uint64_t data);
int cl_epoll_modify(int epoll, int fd, uint32_t events, uint64_t data);
int cl_epoll_delete(int epoll, int fd);
// Number of events, or -1 with errno set. `timeoutMilliseconds` -1 waits for ever.
static inline int cl_epoll_wait(int epoll, struct epoll_event *_Nonnull events, int capacity, int timeoutMilliseconds) {
    return epoll_wait(epoll, events, capacity, timeoutMilliseconds);
}
static inline uint64_t cl_epoll_event_data(const struct epoll_event *_Nonnull e) { return e->data.u64; }
