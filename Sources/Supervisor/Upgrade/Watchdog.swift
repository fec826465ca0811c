// A new program image that cannot get going (no memory for threads, a damaged library) would hold the node's lock and
// answer nobody, not even SIGTERM. An alarm survives exec: unless the new image says in time that it took over, the
// kernel ends it, and the workers wait for the next `martlet run` to adopt them.
import Foundation
import Glibc

enum Watchdog {
    static let seconds: UInt32 = 30

    /// To be called on the thread that calls exec, or on a new image's first: the mask of signals goes on with it, and
    /// a blocked or ignored alarm would end nothing.
    static func arm(_ seconds: UInt32 = Self.seconds) {
        signal(SIGALRM, SIG_DFL)
        var set = sigset_t()
        unsafe sigemptyset(&set)
        unsafe sigaddset(&set, SIGALRM)
        unsafe pthread_sigmask(SIG_UNBLOCK, &set, nil)
        alarm(seconds)
    }

    static func disarm() { alarm(0) }

    /// Makes the threads that a node usually has: one that keeps the timers, and as many as there are tasks at once,
    /// each busy for a moment. Without memory for one the runtime tries for ever, on whichever thread had something to
    /// do, and that is what the watchdog is for.
    static func tryThreads() async {
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<min(4, ProcessInfo.processInfo.activeProcessorCount) {
                group.addTask {
                    try? await Task.sleep(for: .milliseconds(1))
                    usleep(20_000)
                }
            }
        }
    }
}
