// Sockets: the calls and options that Glibc's Swift module lacks, and descriptor passing.
#pragma once
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

// Accepts one connection, non-blocking and close-on-exec. Descriptor or -1 with errno set.
int cl_accept(int listener, struct sockaddr_storage *_Nonnull peer, socklen_t *_Nonnull peerLength);
// Non-blocking, close-on-exec stream socket of the family (AF_INET, AF_INET6, AF_UNIX).
int cl_stream_socket(int family);
// A SOCK_SEQPACKET pair, non-blocking and close-on-exec. 0 or -1.
int cl_seqpacket_pair(int ends[_Nonnull 2]);
int cl_stream_pair(int ends[_Nonnull 2]);
// Integer socket option. 0 or -1.
int cl_set_option(int fd, int level, int name, int value);
int cl_get_option(int fd, int level, int name, int *_Nonnull value);
// The process that listens on a Unix socket, by the listener or by a connection to it (SO_PEERCRED); -1 for none.
pid_t cl_listening_process(int fd);
// Bytes that were sent and that the peer has not acknowledged, or -1.
int cl_unacknowledged(int fd);
int cl_set_nonblocking(int fd, bool on);

// Sends `length` bytes with up to 253 descriptors in one message (MSG_NOSIGNAL). Bytes sent or -1.
ssize_t cl_send_descriptors(int fd, const void *_Nonnull bytes, size_t length, const int *_Nullable fds, int fdCount);
// Receives one message with its descriptors (close-on-exec). Bytes, 0 at end, -1 with errno set (EMSGSIZE when
// truncated, in which case any received descriptors have been closed). A process whose descriptor table has no room
// for all of them gets the message without any.
ssize_t cl_receive_descriptors(
    int fd, void *_Nonnull bytes, size_t capacity, int *_Nonnull fds, int fdCapacity, int *_Nonnull fdCount);

// One send of two parts. Bytes or -1. `more` adds MSG_MORE.
ssize_t cl_send2(int fd, const void *_Nonnull a, size_t aLength, const void *_Nonnull b, size_t bLength, bool more);
static inline ssize_t cl_send(int fd, const void *_Nonnull bytes, size_t length, bool more) {
    return send(fd, bytes, length, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
}
// Sends bytes of a file without copying them (sendfile). Bytes or -1.
ssize_t cl_send_file(int fd, int file, int64_t offset, size_t length);
static inline ssize_t cl_receive(int fd, void *_Nonnull bytes, size_t capacity) { return recv(fd, bytes, capacity, 0); }

// Attaches a classic BPF program of `count` instructions that returns the index of the listener in its reuseport group.
// Each instruction is packed as code << 48 | jt << 40 | jf << 32 | k. 0 or -1.
int cl_attach_reuseport_cbpf(int fd, const uint64_t *_Nonnull instructions, int count);
// uid of a Unix socket's peer, or -1.
int64_t cl_peer_uid(int fd);
int64_t cl_peer_pid(int fd);
