// The thread on which the node's actor runs: an epoll loop that is also a serial executor, so that admin requests
// (`await node...`) and descriptors that become ready are served one after the other. Nothing on it may block.
import CLinux
import Foundation
import Glibc
import Synchronization

final class LoopExecutor: SerialExecutor {
    /// Called on the loop's thread.
    protocol Delegate: AnyObject, Sendable {
        func ready(token: UInt64, events: UInt32)
        func timeout()
    }

    private let epoll: Int32
    private let wake: Int32
    private let jobs = Mutex<[UnownedJob]>([])
    private let thread = Atomic<UInt>(0)
    private let wakeAt = Atomic<Int64>(Int64.max)
    private static let wakeToken = UInt64.max

    init() throws(Failure) {
        epoll = cl_epoll_create()
        wake = cl_eventfd(0)
        guard epoll >= 0, wake >= 0, cl_epoll_add(epoll, wake, UInt32(CL_EPOLLIN), Self.wakeToken) == 0 else {
            throw .runtime("cannot create an event loop (\(shortageText(cl_errno())))")
        }
    }

    // MARK: Executor

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
        if thread.load(ordering: .relaxed) != Self.thisThread { poke() }
    }

    func checkIsolated() {
        precondition(thread.load(ordering: .relaxed) == Self.thisThread, "not on the node's loop")
    }

    private static var thisThread: UInt { UInt(pthread_self()) }

    private func poke() {
        var one: UInt64 = 1
        _ = unsafe write(wake, &one, 8)
    }

    // MARK: Loop

    func start(delegate: any Delegate) {
        let loop = Thread { [self] in run(delegate) }
        loop.name = "martlet-node"
        loop.start()
    }

    /// Monotonic milliseconds at which `timeout` is due.
    func setWake(at milliseconds: Int64?) { wakeAt.store(milliseconds ?? Int64.max, ordering: .relaxed) }

    static func now() -> Int64 { cl_monotonic_nanoseconds() / 1_000_000 }

    private func run(_ delegate: any Delegate) {
        thread.store(Self.thisThread, ordering: .relaxed)
        let capacity = 64
        let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: capacity)
        while true {
            runJobs()
            let left = wakeAt.load(ordering: .relaxed) - Self.now()
            if left <= 0 {
                wakeAt.store(Int64.max, ordering: .relaxed)
                delegate.timeout()
                continue
            }
            let isBusy = jobs.withLock { !$0.isEmpty }
            let wait = isBusy ? 0 : Int32(clamping: min(left, 60_000))
            let count = unsafe cl_epoll_wait(epoll, events, Int32(capacity), wait)
            for index in 0..<max(0, Int(count)) {
                let token = unsafe cl_epoll_event_data(events + index)
                if token == Self.wakeToken {
                    var drained: UInt64 = 0
                    _ = unsafe read(wake, &drained, 8)
                } else {
                    delegate.ready(token: token, events: unsafe events[index].events)
                }
            }
        }
    }

    private func runJobs() {
        while true {
            let batch = jobs.withLock { jobs in
                let batch = jobs
                jobs.removeAll(keepingCapacity: true)
                return batch
            }
            if batch.isEmpty { return }
            for job in batch { unsafe job.runSynchronously(on: asUnownedSerialExecutor()) }
        }
    }

    // MARK: Descriptors

    func watch(_ fd: Int32, token: UInt64, writable: Bool = false) {
        let events = UInt32(CL_EPOLLIN) | (writable ? UInt32(CL_EPOLLOUT) : 0)
        if cl_epoll_add(epoll, fd, events, token) != 0 { _ = cl_epoll_modify(epoll, fd, events, token) }
    }

    func unwatch(_ fd: Int32) { _ = cl_epoll_delete(epoll, fd) }
}
