// One worker process as the node's state machine sees it. Descriptors and system calls live in Node/.
import ControlChannel

/// Monotonic time; the machine never reads a clock.
typealias Milliseconds = Int64

/// Names a worker for the life of a node; process ids may repeat, these do not.
struct MemberID: Hashable, Comparable, Codable, Sendable, CustomStringConvertible {
    var number: UInt32

    static func < (a: Self, b: Self) -> Bool { a.number < b.number }
    var description: String { "worker \(number)" }
}

struct Member: Equatable, Codable, Sendable {
    enum Phase: String, Codable, Sendable {
        /// Spawned, not yet ready.
        case starting
        /// Ready, its probe not yet answered.
        case probing
        /// Answered its probe; accepts when its slot is moved to it.
        case waiting
        case serving
        /// Accepts nothing new, finishes what it has.
        case draining
        /// Told to go at once, or killed; its exit is awaited.
        case leaving
    }

    let id: MemberID
    let generation: UInt32
    /// The slot it was started for.
    let slot: Int
    let lane: Int
    let launch: UInt32
    var pid: Int32?
    var phase: Phase
    var startedAt: Milliseconds
    /// When the current phase is given up, if ever.
    var deadline: Milliseconds?
    /// False after a draining worker gave its lane back.
    var holdsLane = true
    /// The slots it was told to accept on.
    var accepts: Set<Int> = []

    var isStarting: Bool { phase == .starting || phase == .probing }
    /// Whether it may be given slots.
    var canAccept: Bool { phase == .serving || phase == .waiting }
}

/// How a worker process ended.
enum ExitReason: Equatable, Sendable, CustomStringConvertible {
    case exited(Int32)
    case signal(Int32)
    case unknown

    init(waitStatus: Int32) {
        let signal = waitStatus & 0x7f
        self = signal == 0 ? .exited((waitStatus >> 8) & 0xff) : .signal(signal)
    }

    var description: String {
        switch self {
        case .exited(let code): "exited with code \(code)"
        case .signal(let number): "was killed by signal \(number)\(Self.names[number].map { " (\($0))" } ?? "")"
        case .unknown: "ended"
        }
    }

    private static let names: [Int32: String] = [
        1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
        9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV", 12: "SIGUSR2", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
        31: "SIGSYS",
    ]
}
