// The signals that the node obeys. They are blocked before a second thread exists, so that none can be killed by them,
// and read from a descriptor on the node's loop. Blocked signals wait through an upgrade in place.
import CLinux
import Glibc

enum Signals {
    private static let obeyed = [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR2]

    /// To be called on the first thread before anything asynchronous.
    static func block() {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for number in obeyed {
            unsafe sigaddset(&set, number)
            // A shell that starts us in the background has them ignored, and ignored ones never reach a descriptor.
            signal(number, SIG_DFL)
        }
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        // Other servers open their logs anew on this one: it must not end a node, or its workers.
        signal(SIGUSR1, SIG_IGN)
    }

    static func descriptor() throws(Failure) -> Int32 {
        var mask: UInt64 = 0
        for signal in obeyed { mask |= 1 << UInt64(signal) }
        let fd = unsafe cl_signalfd(&mask)
        guard fd >= 0 else { throw .runtime("signalfd: \(shortageText(cl_errno()))") }
        return fd
    }
}
