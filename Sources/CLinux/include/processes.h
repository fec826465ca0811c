// Processes: pidfds, affinity, robust futexes.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

int cl_pidfd_open(pid_t pid);
int cl_pidfd_send_signal(int pidfd, int signal);
// Reaps a child by its pidfd without blocking: 1 reaped (status filled as by waitpid), 0 still running, -1 errno.
int cl_pidfd_wait(int pidfd, int *_Nonnull status);

// Fills `cpus` with the CPU numbers of the calling thread's affinity mask; returns how many, or -1.
int cl_affinity_get(int *_Nonnull cpus, int capacity);
int cl_affinity_set(pid_t pid, int cpu);
int cl_set_process_name(const char *_Nonnull name);

// Puts /dev/null on whichever of the descriptors 0, 1 and 2 is closed, so that nothing else gets such a number: what
// is said to a closed standard error must not end up in a file of the cache. Opened the wrong way round: reading
// and writing fail as they would on a closed one. To be called before anything is opened.
void cl_open_standard_descriptors(void);
int cl_gettid(void);

// Starts `path` with exactly the descriptors map[i] as i (i < count; -1 leaves i closed); all others are closed,
// signals unblocked and reset. Returns the pid, or -1 with errno set.
pid_t cl_spawn(
    const char *_Nonnull path, char *_Nullable const *_Nonnull argv, char *_Nullable const *_Nonnull envp,
    const int *_Nonnull map, int count);

// fork, for single-threaded programs only: 0 in the child, the child's pid in the parent, -1 with errno set.
pid_t cl_fork(void);
// The calling process is killed when the thread that forked it ends. 0, or -1 when that has ended already.
int cl_die_with_parent(void);
// Whether a child has ended; it stays to be waited for.
bool cl_has_ended(pid_t pid);
// waitpid for one child, blocking. The wait status, or -1.
int cl_wait(pid_t pid);
