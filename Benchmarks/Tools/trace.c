// Counts what a running process does, from outside, on the binary as released: system calls and calls of named
// functions (mode `calls`: stops only there), or every user instruction too (mode `steps`: one at a time, every other
// turn). Needs no performance counters, no probes in the kernel and nothing preloaded.
// Usage: trace PID calls|steps [NAME=HEXADDRESS]...
// Prints "ready", counts until SIGTERM, lets go of the process and prints one JSON object.
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_THREADS = 64, MAX_WATCHED = 32, MAX_CALL_NUMBERS = 512, MAX_TURNS = 100000, SLOTS = 1 << 18 };
static const int options = PTRACE_O_TRACESYSGOOD;

struct watched {
    char name[64];
    uint64_t address, count;
    long original;
};
struct place {
    uint64_t address, count;
    int is_call;
};  // one instruction of the process
struct turn {
    uint32_t instructions, calls, sends, watched;
};
struct thread {
    pid_t id;
    int alive, in_call, restore;  // restore: index + 1 of a breakpoint to put back after the next step
    int free_turns;               // in mode `steps`: waits begun since the thread runs freely; -1 while it is stepped
    struct turn turn;
};

static struct thread threads[MAX_THREADS];
static struct watched watched[MAX_WATCHED];
static struct place *places;
static struct turn *turns;
static int thread_count, watched_count, turn_count, stepping;
static uint64_t call_counts[MAX_CALL_NUMBERS], instructions;

static int waits(long number) {
    return number == SYS_epoll_wait || number == SYS_epoll_pwait || number == 441 /* epoll_pwait2 */ ||
           number == SYS_poll || number == SYS_ppoll || number == SYS_select || number == SYS_pselect6 ||
           number == 426 /* io_uring_enter */;
}

static int sends(long number) {
    return number == SYS_write || number == SYS_writev || number == SYS_sendto || number == SYS_sendmsg ||
           number == SYS_sendfile || number == SYS_sendmmsg || number == SYS_splice;
}

static struct place *place_of(pid_t id, uint64_t address) {
    uint64_t slot = (address * 0x9e3779b97f4a7c15ull) >> 46;
    while (places[slot].address && places[slot].address != address) slot = (slot + 1) & (SLOTS - 1);
    struct place *place = &places[slot];
    if (!place->address) {
        place->address = address;
        place->is_call = (ptrace(PTRACE_PEEKTEXT, id, address, 0) & 0xffff) == 0x050f;
    }
    return place;
}

/// A wait for events ends a turn of the loop.
static void count_call(struct thread *thread, long number) {
    if (number < 0 || number >= MAX_CALL_NUMBERS) return;
    call_counts[number]++;
    if (!waits(number)) {
        thread->turn.calls++;
        thread->turn.sends += (uint32_t)sends(number);
        return;
    }
    if (turn_count < MAX_TURNS) turns[turn_count++] = thread->turn;
    memset(&thread->turn, 0, sizeof thread->turn);
}

static void count_watched(struct thread *thread, int index) {
    watched[index].count++;
    thread->turn.watched++;
}

static long register_of(pid_t id, size_t offset) { return ptrace(PTRACE_PEEKUSER, id, offset, 0); }
#define REGISTER(id, name) register_of(id, offsetof(struct user_regs_struct, name))

static void plant(pid_t id, int index, int armed) {
    long word = watched[index].original;
    if (armed) word = (word & ~0xffl) | 0xcc;
    ptrace(PTRACE_POKETEXT, id, watched[index].address, word);
}

static int watched_at(uint64_t address) {
    for (int i = 0; i < watched_count; i++)
        if (watched[i].address == address) return i;
    return -1;
}

/// The instruction about to run is counted; a repeated string instruction (same address again) counts once.
static void before_step(struct thread *thread, uint64_t *last) {
    uint64_t address = (uint64_t)REGISTER(thread->id, rip);
    if (address == *last) return;
    *last = address;
    instructions++;
    thread->turn.instructions++;
    struct place *place = place_of(thread->id, address);
    place->count++;
    if (place->is_call) {
        long number = REGISTER(thread->id, rax);
        count_call(thread, number);
        *last = 0;
        if (waits(number)) thread->free_turns = 0;
    }
    int index = watched_at(address);
    if (index >= 0) count_watched(thread, index);
}

/// Stepping makes a turn take as long as hundreds of timer ticks, and the next turn would pay for them. So between two
/// stepped turns one runs freely: the wait that ended the stepped turn, a turn, and the wait before the next one.
static void on_free_call(struct thread *thread) {
    if (!thread->in_call && waits(REGISTER(thread->id, orig_rax))) thread->free_turns++;
    else if (thread->in_call && thread->free_turns >= 2) thread->free_turns = -1;
}

static void on_trap(struct thread *thread) {
    if (thread->restore) {
        plant(thread->id, thread->restore - 1, 1);
        thread->restore = 0;
        return;
    }
    uint64_t address = (uint64_t)REGISTER(thread->id, rip) - 1;
    int index = watched_at(address);
    if (index < 0) return;
    count_watched(thread, index);
    plant(thread->id, index, 0);
    ptrace(PTRACE_POKEUSER, thread->id, offsetof(struct user_regs_struct, rip), address);
    thread->restore = index + 1;
}

/// Lets the thread go on in the way its mode asks for, delivering `signal`.
static void resume(struct thread *thread, int signal) {
    static uint64_t last[MAX_THREADS];
    if (stepping && thread->free_turns < 0) before_step(thread, &last[thread - threads]);
    if (stepping && thread->free_turns < 0) {
        ptrace(PTRACE_SINGLESTEP, thread->id, 0, signal);
    } else {
        ptrace(thread->restore ? PTRACE_SINGLESTEP : PTRACE_SYSCALL, thread->id, 0, signal);
    }
}

static void on_stop(struct thread *thread, int status) {
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
        thread->alive = 0;
        return;
    }
    int signal = WSTOPSIG(status), event = status >> 16;
    if (signal == (SIGTRAP | 0x80)) {
        if (stepping) on_free_call(thread);
        else if (!thread->in_call) count_call(thread, REGISTER(thread->id, orig_rax));
        thread->in_call = !thread->in_call;
        signal = 0;
    } else if (signal == SIGTRAP && event == 0) {
        if (!stepping) on_trap(thread);
        signal = 0;
    } else if (event) {
        signal = 0;
    }
    resume(thread, signal);
}

static struct thread *thread_of(pid_t id) {
    for (int i = 0; i < thread_count; i++)
        if (threads[i].id == id) return &threads[i];
    return NULL;
}

static void attach(pid_t process) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", process);
    DIR *folder = opendir(path);
    if (!folder) {
        fprintf(stderr, "trace: no process %d\n", process);
        exit(1);
    }
    for (struct dirent *entry; (entry = readdir(folder)) && thread_count < MAX_THREADS;) {
        if (!isdigit((unsigned char)entry->d_name[0])) continue;
        pid_t id = atoi(entry->d_name);
        if (ptrace(PTRACE_SEIZE, id, 0, options)) {
            perror("trace: cannot attach (needs the same user or root)");
            exit(1);
        }
        threads[thread_count++] = (struct thread){.id = id, .alive = 1};
        ptrace(PTRACE_INTERRUPT, id, 0, 0);
    }
    closedir(folder);
    for (int i = 0; i < thread_count; i++) waitpid(threads[i].id, NULL, __WALL);
    for (int i = 0; i < watched_count && !stepping; i++) {
        watched[i].original = ptrace(PTRACE_PEEKTEXT, threads[0].id, watched[i].address, 0);
        plant(threads[0].id, i, 1);
    }
    for (int i = 0; i < thread_count; i++) resume(&threads[i], 0);
}

/// Stops the thread between two instructions of its own. A step that was under way inside a system call ends in one
/// last trap after it, which would kill a process that is no longer traced: it is waited for here.
static void bring_to_rest(struct thread *thread) {
    for (int round = 0; round < (stepping ? 2 : 1); round++) {
        ptrace(PTRACE_INTERRUPT, thread->id, 0, 0);
        for (int status = 0;;) {
            if (waitpid(thread->id, &status, __WALL) < 0 || !WIFSTOPPED(status)) {
                thread->alive = 0;
                return;
            }
            if (!stepping && WSTOPSIG(status) == SIGTRAP && !(status >> 16)) on_trap(thread);
            if (status >> 16 == PTRACE_EVENT_STOP) break;
            ptrace(PTRACE_INTERRUPT, thread->id, 0, 0);  // any other stop uses up the first request
            ptrace(PTRACE_CONT, thread->id, 0, 0);
        }
        if (!stepping || round == 1) return;
        ptrace(PTRACE_CONT, thread->id, 0, 0);
        usleep(20000);
    }
}

static void let_go(void) {
    for (int i = 0; i < thread_count; i++)
        if (threads[i].alive) bring_to_rest(&threads[i]);
    for (int i = 0; i < watched_count && !stepping; i++) plant(threads[0].id, i, 0);
    for (int i = 0; i < thread_count; i++)
        if (threads[i].alive) ptrace(PTRACE_DETACH, threads[i].id, 0, 0);
}

static volatile sig_atomic_t ended;
static void end(int signal) { ended = signal; }

static void watch(void) {
    while (!ended) {
        int status;
        pid_t id = waitpid(-1, &status, __WALL);
        if (id < 0 && errno == ECHILD) return;
        struct thread *thread = id > 0 ? thread_of(id) : NULL;
        if (thread) on_stop(thread, status);
    }
}

static void report(void) {
    printf("{\"instructions\": %llu, \"calls\": {", (unsigned long long)instructions);
    const char *comma = "";
    for (int i = 0; i < MAX_CALL_NUMBERS; i++)
        if (call_counts[i]) printf("%s\"%d\": %llu", comma, i, (unsigned long long)call_counts[i]), comma = ", ";
    printf("}, \"watched\": {"), comma = "";
    for (int i = 0; i < watched_count; i++)
        printf("%s\"%s\": %llu", comma, watched[i].name, (unsigned long long)watched[i].count), comma = ", ";
    printf("}, \"turns\": ["), comma = "";
    for (int i = 0; i < turn_count; i++, comma = ", ")
        printf("%s[%u, %u, %u, %u]", comma, turns[i].instructions, turns[i].calls, turns[i].sends, turns[i].watched);
    printf("], \"places\": ["), comma = "";
    for (int i = 0; i < SLOTS; i++)
        if (places[i].count)
            printf("%s[%llu, %llu]", comma, (unsigned long long)places[i].address, (unsigned long long)places[i].count),
                comma = ", ";
    printf("]}\n");
}

int main(int count, char **arguments) {
    if (count < 3) {
        fprintf(stderr, "usage: trace PID calls|steps [NAME=HEXADDRESS]...\n");
        return 2;
    }
    stepping = !strcmp(arguments[2], "steps");
    places = calloc(SLOTS, sizeof *places);
    turns = calloc(MAX_TURNS, sizeof *turns);
    for (int i = 3; i < count && watched_count < MAX_WATCHED; i++) {
        char *sign = strchr(arguments[i], '=');
        if (!sign) continue;
        snprintf(watched[watched_count].name, sizeof watched[0].name, "%.*s", (int)(sign - arguments[i]), arguments[i]);
        watched[watched_count++].address = strtoull(sign + 1, NULL, 16);
    }
    struct sigaction action = {.sa_handler = end};  // no SA_RESTART: waitpid must return
    sigaction(SIGTERM, &action, NULL);
    attach(atoi(arguments[1]));
    printf("ready\n");
    fflush(stdout);
    watch();
    let_go();
    report();
    return 0;
}
