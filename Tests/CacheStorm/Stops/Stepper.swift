// A process that is stopped before each of its accesses to a region. Killed when it is dropped.
import CLinux
@unsafe @preconcurrency import Glibc
import ShmCache
import WriteStops

@safe
struct Stepper: ~Copyable {
    enum Event { case stopped, finished, broken }

    private var child: ws_child
    private var stop: ws_stop
    let pid: pid_t

    /// The instruction that it is stopped before.
    var instruction: UInt64 { stop.instruction }

    /// Starts a process that plays a scenario's part. It is stopped before writes only, unless reads count too.
    init(_ stage: Stage, _ play: StopScenario.Play, readsToo: Bool = false) {
        pid = cl_fork()
        if pid == 0 {
            if cl_die_with_parent() != 0 { exit(0) }
            do { try play(stage, ws_offer) } catch { Storm.fail("\(error)") }
            ws_finish()
            exit(0)
        }
        unsafe child = ws_child()
        stop = ws_stop()
        let range = unsafe stage.region.mappedRange
        guard unsafe ws_take(&child, pid, range.baseAddress!, range.count, readsToo) == WS_STOPPED else {
            Storm.fail("cannot trace a process here: ptrace is not allowed")
        }
    }

    deinit {
        var last = unsafe child
        unsafe ws_kill(&last)
    }

    mutating func next() -> Event { event(unsafe ws_next(&child, &stop)) }

    /// To the end of its work.
    mutating func run() -> Event { event(unsafe ws_run(&child)) }

    private func event(_ code: Int32) -> Event {
        switch code {
        case WS_STOPPED: .stopped
        case WS_FINISHED: .finished
        default: .broken
        }
    }
}
