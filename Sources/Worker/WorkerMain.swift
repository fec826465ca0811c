// The worker's entry: started by the supervisor with its control channel as descriptor 3, never by hand.

internal import CLinux
internal import ControlChannel
internal import Glibc

@main
struct WorkerMain {
    static let controlDescriptor: Int32 = 3

    static func main() {
        guard fcntl(controlDescriptor, F_GETFD) >= 0 else {
            report("martlet-worker is started by `martlet run`; it has no command line of its own")
            exit(2)
        }
        _ = signal(SIGPIPE, SIG_IGN)
        WorkerSignals.leaveToSupervisor()
        var socket = WorkerControlSocket(taking: controlDescriptor)
        // A start that fails takes the socket with it, and the operator must hear why.
        let spare = fcntl(controlDescriptor, F_DUPFD_CLOEXEC, controlDescriptor)
        do {
            let provisions = try Provisions.collect(&socket)
            if CommandLine.arguments.contains("--janitor") {
                var janitor = try Janitor.start(provisions, control: socket)
                close(spare)
                janitor.run()
            } else {
                var worker = try Worker.start(provisions, control: socket)
                close(spare)
                worker.run()
            }
        } catch {
            fail(error, over: spare)
        }
    }

    private static func fail(_ error: StartupFailure, over descriptor: Int32) {
        var socket = WorkerControlSocket(taking: descriptor)
        try? socket.send(.failed(reason: error.reason))
        report("martlet-worker: \(error.reason)")
        exit(1)
    }

    /// One line to the log; lost when nobody reads it.
    static func report(_ text: String) {
        var line = text + "\n"
        line.withUTF8 { bytes in
            if let address = bytes.baseAddress { _ = unsafe cl_write_without_waiting(2, address, bytes.count) }
        }
    }
}
