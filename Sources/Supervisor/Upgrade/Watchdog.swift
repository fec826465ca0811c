// A new program image that cannot get going (no memory for threads, a damaged library) would hold the node's lock and
// answer nobody, not even SIGTERM. An alarm survives exec: unless the new image says in time that it took over, the
// kernel ends it, and the workers wait for the next `martlet run` to adopt them.
import Glibc

enum Watchdog {
    static let seconds: UInt32 = 30

    /// To be called on the thread that calls exec, or on a new image's first: the mask of signals goes on with it, and
    /// a blocked or ignored alarm would end nothing.
    static func arm() {
        signal(SIGALRM, SIG_DFL)
        var set = sigset_t()
        unsafe sigemptyset(&set)
        unsafe sigaddset(&set, SIGALRM)
        unsafe pthread_sigmask(SIG_UNBLOCK, &set, nil)
        alarm(seconds)
    }

    static func disarm() { alarm(0) }
}
