// What signals do to a worker. Most that reach one were meant for the whole process group: a Ctrl-C, a hang-up of the
// terminal, a service manager that stops everything at once.

internal import Glibc

enum WorkerSignals {
    /// The supervisor decides when a worker ends, and sends it no signal for that but SIGKILL.
    static func leaveToSupervisor() {
        for number in [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2] { _ = signal(number, SIG_IGN) }
    }

    /// Without a supervisor, whoever wants a worker to end can tell nobody but itself.
    static func obeyTermination() {
        for number in [SIGINT, SIGQUIT, SIGTERM] { _ = signal(number, SIG_DFL) }
    }
}
