// Waking another process's loop.
internal import CLinux

enum EventSignal {
    /// Adds one to an eventfd; a closed or missing descriptor is ignored, since every waiter has a timer as well.
    static func send(_ descriptor: Int32) {
        if descriptor >= 0 { _ = cl_event_signal(descriptor) }
    }
}
