#define _GNU_SOURCE
#include "WriteStops.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
// A system call instruction at a known place: a forked child has it at the same one.
__asm__(".text\n.local ws_gate\nws_gate:\n\tsyscall\n\tint3\n");
extern const char ws_gate[] __attribute__((visibility("hidden")));

bool ws_is_supported(void) { return true; }

void ws_offer(void) {
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
}

void ws_finish(void) { raise(SIGSTOP); }

// Waits for the child's next stop; its signal, or -1 when the child has ended.
static int wait_for(struct ws_child *child) {
    int status;
    while (waitpid(child->pid, &status, __WALL) < 0) {
    }
    return WIFSTOPPED(status) ? WSTOPSIG(status) : -1;
}

// Executes one instruction of the child.
static bool step(struct ws_child *child) {
    return ptrace(PTRACE_SINGLESTEP, child->pid, NULL, NULL) == 0 && wait_for(child) == SIGTRAP;
}

// Makes the child call mprotect on its mapping, and leaves it as it was.
static bool protect(struct ws_child *child, int protection) {
    struct user_regs_struct saved, call;
    if (ptrace(PTRACE_GETREGS, child->pid, NULL, &saved) != 0) return false;
    call = saved;
    call.rip = (uintptr_t)ws_gate;
    call.rax = SYS_mprotect;
    call.orig_rax = (unsigned long long)-1;
    call.rdi = (uintptr_t)child->start;
    call.rsi = child->length;
    call.rdx = (unsigned long long)protection;
    if (ptrace(PTRACE_SETREGS, child->pid, NULL, &call) != 0 || !step(child)) return false;
    if (ptrace(PTRACE_GETREGS, child->pid, NULL, &call) != 0 || call.rax != 0) return false;
    // Nothing may be restarted on the way back.
    saved.orig_rax = (unsigned long long)-1;
    return ptrace(PTRACE_SETREGS, child->pid, NULL, &saved) == 0;
}

int ws_take(struct ws_child *child, pid_t pid, void *start, size_t length, bool readsToo) {
    *child = (struct ws_child){pid, start, length, readsToo ? PROT_NONE : PROT_READ, false};
    if (wait_for(child) != SIGSTOP) return WS_BROKEN;
    if (ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_EXITKILL) != 0) return WS_BROKEN;
    return protect(child, child->protection) ? WS_STOPPED : WS_BROKEN;
}

// Executes the instruction that the child stands before, with the mapping open. A repeated string instruction is one
// instruction: stepped until the child has left it.
static bool pass(struct ws_child *child) {
    struct user_regs_struct before, after;
    if (!protect(child, PROT_READ | PROT_WRITE)) return false;
    if (ptrace(PTRACE_GETREGS, child->pid, NULL, &before) != 0) return false;
    do {
        if (!step(child) || ptrace(PTRACE_GETREGS, child->pid, NULL, &after) != 0) return false;
    } while (after.rip == before.rip);
    child->at_access = false;
    return protect(child, child->protection);
}

int ws_next(struct ws_child *child, struct ws_stop *stop) {
    if (child->at_access && !pass(child)) return WS_BROKEN;
    if (ptrace(PTRACE_CONT, child->pid, NULL, NULL) != 0) return WS_BROKEN;
    int signal = wait_for(child);
    if (signal == SIGSTOP) return WS_FINISHED;
    siginfo_t info;
    struct user_regs_struct registers;
    if (signal != SIGSEGV || ptrace(PTRACE_GETSIGINFO, child->pid, NULL, &info) != 0) return WS_BROKEN;
    if (ptrace(PTRACE_GETREGS, child->pid, NULL, &registers) != 0) return WS_BROKEN;
    char *at = info.si_addr, *start = child->start;
    if (at < start || at >= start + child->length) return WS_BROKEN;
    child->at_access = true;
    stop->offset = (uint64_t)(at - start);
    stop->instruction = registers.rip;
    stop->is_write = child->protection == PROT_READ;
    return WS_STOPPED;
}

int ws_run(struct ws_child *child) {
    if (!protect(child, PROT_READ | PROT_WRITE)) return WS_BROKEN;
    if (ptrace(PTRACE_CONT, child->pid, NULL, NULL) != 0) return WS_BROKEN;
    return wait_for(child) == SIGSTOP ? WS_FINISHED : WS_BROKEN;
}
#else
bool ws_is_supported(void) { return false; }
void ws_offer(void) {}
void ws_finish(void) {}
int ws_take(struct ws_child *child, pid_t pid, void *start, size_t length, bool readsToo) { return WS_BROKEN; }
int ws_next(struct ws_child *child, struct ws_stop *stop) { return WS_BROKEN; }
int ws_run(struct ws_child *child) { return WS_BROKEN; }
static bool protect(struct ws_child *child, int protection) { return false; }
#endif

void ws_kill(struct ws_child *child) {
    int status;
    // The kernel marks the words of a dying thread as that thread itself would: not in a closed mapping.
    protect(child, PROT_READ | PROT_WRITE);
    kill(child->pid, SIGKILL);
    while (waitpid(child->pid, &status, __WALL) == child->pid && !WIFEXITED(status) && !WIFSIGNALED(status)) {
    }
}
