// What a worker says to the supervisor.
//
// Adoption: on a connection to `worker-<pid>.sock` (same uid by SO_PEERCRED) the worker sends `orphan`,
// `eventDescriptors`..., `listeners`..., in the shapes in which it got them, the last one marked; the new supervisor
// answers `adopted`, and that socket replaces the worker's control channel.

package enum WorkerMessage: ControlMessage {
    /// Attached, validated, able to serve: it waits for `accept`.
    case ready(backend: IOBackend, build: String)
    /// Cannot serve; the worker exits after this.
    case failed(reason: String)
    case accepting(slot: UInt16)
    case stoppedAccepting(slot: UInt16)
    /// A draining worker that needs no more lookups or pins: its lane is free for another process.
    case laneReleased
    /// All connections are gone; the worker exits 0 after this.
    case drained(DrainOutcome)
    case connections(serial: UInt32, ConnectionReport)
    /// First message of an adoption. Descriptors: cache region, node region, configuration snapshot.
    case orphan(OrphanState)
    case eventDescriptors(firstLane: UInt16, count: UInt16)
    case listeners([ListenerPlace], last: Bool)
}

package struct DrainOutcome: Equatable, Sendable {
    /// Connections that live on in a successor.
    package var handedOver: UInt32
    /// Connections closed in good order (told beforehand, or idle past the deadline).
    package var closed: UInt32
    /// Connections cut at a deadline with a request or stream under way.
    package var cut: UInt32

    package init(handedOver: UInt32 = 0, closed: UInt32 = 0, cut: UInt32 = 0) {
        self.handedOver = handedOver
        self.closed = closed
        self.cut = cut
    }
}

/// Open connections by class, with the age of the oldest of each in seconds.
package struct ConnectionReport: Equatable, Sendable {
    package struct Class: Equatable, Sendable {
        package var count: UInt32
        package var oldestSeconds: UInt32

        package init(count: UInt32 = 0, oldestSeconds: UInt32 = 0) {
            self.count = count
            self.oldestSeconds = oldestSeconds
        }
    }

    /// Between requests.
    package var idle: Class
    /// A request or response under way.
    package var active: Class
    /// Tunnels and other endless streams.
    package var streams: Class
    /// Fills that this worker owns.
    package var fills: UInt32
    package var draining: Bool

    package init(
        idle: Class = Class(), active: Class = Class(), streams: Class = Class(), fills: UInt32 = 0,
        draining: Bool = false
    ) {
        self.idle = idle
        self.active = active
        self.streams = streams
        self.fills = fills
        self.draining = draining
    }
}

package struct OrphanState: Equatable, Sendable {
    package var pid: Int32
    package var assignment: Assignment
    /// Slots it accepts on, its own or those of dead siblings.
    package var accepting: [UInt16]
    package var draining: Bool
    package var laneReleased: Bool

    package init(
        pid: Int32, assignment: Assignment, accepting: [UInt16], draining: Bool = false, laneReleased: Bool = false
    ) {
        self.pid = pid
        self.assignment = assignment
        self.accepting = accepting
        self.draining = draining
        self.laneReleased = laneReleased
    }
}

extension WorkerMessage {
    package var type: UInt16 {
        switch self {
        case .ready: 101
        case .failed: 102
        case .accepting: 103
        case .stoppedAccepting: 104
        case .laneReleased: 105
        case .drained: 106
        case .connections: 107
        case .orphan: 108
        case .eventDescriptors: 109
        case .listeners: 110
        }
    }

    package func encodeFields(into writer: inout WireWriter) {
        switch self {
        case .ready(let backend, let build):
            writer.put(backend.rawValue)
            writer.put(build)
        case .failed(let reason): writer.put(reason)
        case .accepting(let slot), .stoppedAccepting(let slot): writer.put(slot)
        case .laneReleased: break
        case .drained(let outcome):
            writer.put(outcome.handedOver)
            writer.put(outcome.closed)
            writer.put(outcome.cut)
        case .connections(let serial, let report):
            writer.put(serial)
            report.encode(into: &writer)
        case .orphan(let state): state.encode(into: &writer)
        case .eventDescriptors(let firstLane, let count):
            writer.put(firstLane)
            writer.put(count)
        case .listeners(let places, let last):
            places.encode(into: &writer)
            writer.put(last)
        }
    }

    package static func decode(type: UInt16, from reader: inout WireReader) throws(ControlError) -> Self? {
        switch type {
        case 101: return .ready(backend: try reader.takeCase(), build: try reader.takeText())
        case 102: return .failed(reason: try reader.takeText())
        case 103: return .accepting(slot: try reader.take())
        case 104: return .stoppedAccepting(slot: try reader.take())
        case 105: return .laneReleased
        case 106:
            return .drained(
                DrainOutcome(handedOver: try reader.take(), closed: try reader.take(), cut: try reader.take()))
        case 107: return .connections(serial: try reader.take(), try ConnectionReport(from: &reader))
        case 108: return .orphan(try OrphanState(from: &reader))
        case 109: return .eventDescriptors(firstLane: try reader.take(), count: try reader.take())
        case 110: return .listeners(try [ListenerPlace](from: &reader), last: try reader.takeBool())
        default: return nil
        }
    }
}

extension ConnectionReport {
    func encode(into writer: inout WireWriter) {
        for one in [idle, active, streams] {
            writer.put(one.count)
            writer.put(one.oldestSeconds)
        }
        writer.put(fills)
        writer.put(draining)
    }

    init(from reader: inout WireReader) throws(ControlError) {
        idle = Class(count: try reader.take(), oldestSeconds: try reader.take())
        active = Class(count: try reader.take(), oldestSeconds: try reader.take())
        streams = Class(count: try reader.take(), oldestSeconds: try reader.take())
        fills = try reader.take()
        draining = try reader.takeBool()
    }
}

extension OrphanState {
    func encode(into writer: inout WireWriter) {
        writer.put(pid)
        assignment.encode(into: &writer)
        writer.put(list: accepting) { $0.put($1) }
        writer.put(draining)
        writer.put(laneReleased)
    }

    init(from reader: inout WireReader) throws(ControlError) {
        pid = try reader.takeInt32()
        assignment = try Assignment(from: &reader)
        accepting = try reader.takeList { (reader) throws(ControlError) in try reader.take(UInt16.self) }
        draining = try reader.takeBool()
        laneReleased = try reader.takeBool()
    }
}
