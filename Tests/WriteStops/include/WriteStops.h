// Stops another process at every instruction that touches a mapping. For the exhaustive tests of the cache: a forked
// child is traced and its mapping closed, so that each writing (or reading) instruction faults before it has done
// anything; the fault is reported; then that one instruction is single-stepped with the mapping open. The child runs
// the code as it is, without handlers of its own. x86-64 only.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// A child that is traced. Only for the process that forked it.
struct ws_child {
    pid_t pid;
    void *_Nullable start;
    size_t length;
    // Which accesses stop it: PROT_READ stops at writes, PROT_NONE at every access.
    int protection;
    // Stopped before an instruction that touches the mapping.
    bool at_access;
};

struct ws_stop {
    // Offset in the mapping and address of the instruction.
    uint64_t offset;
    uint64_t instruction;
    bool is_write;
};

#define WS_FINISHED 0
#define WS_STOPPED 1
#define WS_BROKEN -1

// Whether this machine can do it.
bool ws_is_supported(void);

// In the child: waits to be taken. Returns when its parent lets it go on.
void ws_offer(void);
// In the child, after its work: waits to be ended.
void ws_finish(void);

// Takes over a child that offers itself, and closes its mapping. WS_STOPPED or WS_BROKEN.
int ws_take(struct ws_child *_Nonnull child, pid_t pid, void *_Nonnull start, size_t length, bool readsToo);
// Lets it go on to its next access: WS_STOPPED before the access, WS_FINISHED at the end of its work, WS_BROKEN when it
// died or did something else.
int ws_next(struct ws_child *_Nonnull child, struct ws_stop *_Nonnull stop);
// Lets it go on to the end of its work without stops. WS_FINISHED or WS_BROKEN.
int ws_run(struct ws_child *_Nonnull child);
// Kills it where it is and waits for that.
void ws_kill(struct ws_child *_Nonnull child);
