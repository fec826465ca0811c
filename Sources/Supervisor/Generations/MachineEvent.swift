// What can happen to a node (events) and what its state machine asks for (actions).
import ControlChannel

/// Names an operation that somebody waits for.
struct OperationID: Hashable, Codable, Sendable {
    var number: UInt32
}

/// Something an operator asked for.
struct ChangeRequest: Equatable, Codable, Sendable {
    enum Kind: Equatable, Codable, Sendable {
        /// Start `count` workers from `launch` and let them take over.
        case replace(launch: UInt32, count: Int, what: String)
        case resize(Int)
        case stop(StopManner)
    }

    var operation: OperationID
    var kind: Kind
    var deadline: Milliseconds
}

/// How patient a stop is.
enum StopManner: String, Codable, Sendable {
    /// Close everything.
    case now
    /// Finish requests within the stop deadlines.
    case drain
    /// Finish everything, however long it takes.
    case patient
}

enum MachineEvent: Equatable, Sendable {
    case request(ChangeRequest)
    case spawned(MemberID, pid: Int32)
    case spawnFailed(MemberID, reason: String)
    case ready(MemberID)
    /// The worker said that it cannot serve.
    case failed(MemberID, reason: String)
    case probed(MemberID)
    case accepting(MemberID, slot: Int)
    case stoppedAccepting(MemberID, slot: Int)
    case laneReleased(MemberID)
    case exited(MemberID, ExitReason)
    /// Time passed; sent when `nextDeadline` is due.
    case tick
}

enum MachineAction: Equatable, Sendable {
    case spawn(Member)
    case probe(MemberID)
    case accept(MemberID, slot: Int)
    case stopAccepting(MemberID, slot: Int)
    /// Connect the giver with each taker by a socket pair of its own.
    case connect(giver: MemberID, takers: [MemberID])
    case drain(MemberID, DrainDeadlines)
    /// Exit at once.
    case stop(MemberID)
    case kill(MemberID, reason: String)
    /// The process of this lane is gone without giving it back.
    case recover(lane: Int)
    /// New connections go to these slots only.
    case steer([Int])
    /// No worker of this launch is left and none will be started.
    case retire(launch: UInt32)
    case log(String)
    case progress(OperationID, String)
    case succeed(OperationID, String)
    case fail(OperationID, String)
    case restarted(Restart)
    /// The first generation could not be started.
    case abandon(reason: String)
    /// Every worker is gone after a stop.
    case finished
}

/// A worker that ended without being asked to.
struct Restart: Equatable, Codable, Sendable {
    var slot: Int
    var pid: Int32
    var generation: UInt32
    var reason: String
    var delayMilliseconds: Int64
}

/// What the machine is told once.
struct MachineSettings: Equatable, Codable, Sendable {
    var slots: Int
    var lanes: Int
    /// Whether new connections can be steered to chosen slots. If not, every slot is always accepted from.
    var canSteer = true
    var startMilliseconds: Milliseconds = 20_000
    var moveMilliseconds: Milliseconds = 5_000
    var canaryMilliseconds: Milliseconds = 250
    /// How long the watched worker may take to answer the probe at the end of its watch. Not stored: states that older
    /// binaries saved do not have it.
    var confirmMilliseconds: Milliseconds { 2_000 }
    var oldGenerations = 4
    /// A worker that lives this long is healthy: its next death is no crash loop.
    var healthyMilliseconds: Milliseconds = 5_000
    var firstBackOffMilliseconds: Milliseconds = 100
    var longestBackOffMilliseconds: Milliseconds = 10_000
    var drainIdleMilliseconds: UInt32 = 5_000
    var drainRequestMilliseconds: UInt32 = 120_000
    var drainStreamMilliseconds: UInt32 = 3_600_000
    var stopMilliseconds: UInt32 = 10_000
    /// How long after its last deadline a draining worker is killed.
    var killGraceMilliseconds: Milliseconds = 3_000

    var changeDeadlines: DrainDeadlines {
        DrainDeadlines(
            idleMilliseconds: drainIdleMilliseconds, requestMilliseconds: drainRequestMilliseconds,
            streamMilliseconds: drainStreamMilliseconds)
    }

    /// To a worker 0 means for ever: a stop that waits for nothing gives one millisecond, and what it cuts is counted.
    var stopDeadlines: DrainDeadlines {
        let limit = max(stopMilliseconds, 1)
        let stream = drainStreamMilliseconds > 0 ? min(limit, drainStreamMilliseconds) : limit
        return DrainDeadlines(idleMilliseconds: 1, requestMilliseconds: limit, streamMilliseconds: stream)
    }

    var patientDeadlines: DrainDeadlines {
        DrainDeadlines(idleMilliseconds: 1, requestMilliseconds: 0, streamMilliseconds: 0)
    }
}
