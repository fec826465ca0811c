// What the supervisor says to a worker. A worker starts with 0 = /dev/null, 1 and 2 = log, 3 = its end of this
// channel, gets `assign`, `eventDescriptors` and `listeners` (the last one marked), and answers `ready` or `failed`.
// It accepts nothing before `accept`.

package enum SupervisorMessage: ControlMessage {
    /// The worker's place. Descriptors: cache region, node region, configuration snapshot, and a listening
    /// SOCK_SEQPACKET socket (`worker-<pid>.sock`) on which a new supervisor asks for adoption.
    case assign(Assignment)
    /// The lanes' eventfds, in lane order from `firstLane`, one descriptor each.
    case eventDescriptors(firstLane: UInt16, count: UInt16)
    /// Listening sockets, one descriptor each, in order. Every worker gets all of them. After the last one the worker
    /// attaches, and answers `ready`.
    case listeners([ListenerPlace], last: Bool)
    /// Serve one connection: the descriptor is the peer of the supervisor's end, a stream socket on which
    /// `OPTIONS * HTTP/1.1` comes. Any HTTP/1.1 answer is a pass.
    case probe
    /// Add this slot's listeners (of all addresses) to the event loop. Answered by `accepting`. A worker may accept
    /// on several slots.
    case accept(slot: UInt16)
    /// Take this slot's listeners out of the event loop; connections already accepted stay. Answered by
    /// `stoppedAccepting`.
    case stopAccepting(slot: UInt16)
    /// A way to hand connections on: the descriptor is one end of a SOCK_SEQPACKET pair that carries
    /// `HandOverMessage`. A giver sends its idle plaintext connections as it drains; a taker may have several.
    case handOver(role: HandOverRole, peerLane: UInt16)
    /// Stop accepting on every slot, hand over or finish all connections, give back the lane (`laneReleased`), say
    /// `drained` and exit 0.
    case drain(DrainDeadlines)
    /// Close everything and exit 0 at once.
    case stop
    /// Answer with `connections` and the same serial.
    case report(serial: UInt32)
    /// Sent to an orphan that has handed its descriptors back: this socket is its control channel from now on.
    case adopted(Adoption)
}

package struct Assignment: Equatable, Sendable {
    package var generation: UInt32
    package var lane: UInt16
    package var slot: UInt16
    /// Number of slots per address.
    package var slots: UInt16
    /// CPU to pin the loop thread to.
    package var cpu: UInt16?
    /// Seconds that the worker goes on without a supervisor, 0 for ever.
    package var orphanSeconds: UInt32

    package init(
        generation: UInt32, lane: UInt16, slot: UInt16, slots: UInt16, cpu: UInt16? = nil, orphanSeconds: UInt32 = 0
    ) {
        self.generation = generation
        self.lane = lane
        self.slot = slot
        self.slots = slots
        self.cpu = cpu
        self.orphanSeconds = orphanSeconds
    }
}

/// Which listening socket a descriptor is.
package struct ListenerPlace: Equatable, Hashable, Sendable {
    /// Index into `ConfigurationSnapshot.addresses`.
    package var address: UInt16
    package var slot: UInt16

    package init(address: UInt16, slot: UInt16) {
        self.address = address
        self.slot = slot
    }
}

package enum HandOverRole: UInt8, Sendable {
    case giver = 1
    case taker = 2
    /// Both of the same generation: each may pass a new connection on to the other when it has too many.
    case sibling = 3
}

/// How long connections of each class may keep a draining worker, in milliseconds; 0 means for ever.
package struct DrainDeadlines: Equatable, Sendable {
    /// Keep-alive connections between requests that could not be handed over.
    package var idleMilliseconds: UInt32
    /// Connections with a request or response under way.
    package var requestMilliseconds: UInt32
    /// Tunnels and other streams without an end of their own.
    package var streamMilliseconds: UInt32

    package init(idleMilliseconds: UInt32, requestMilliseconds: UInt32, streamMilliseconds: UInt32) {
        self.idleMilliseconds = idleMilliseconds
        self.requestMilliseconds = requestMilliseconds
        self.streamMilliseconds = streamMilliseconds
    }
}

package struct Adoption: Equatable, Sendable {
    package var supervisorPID: Int32

    package init(supervisorPID: Int32) { self.supervisorPID = supervisorPID }
}

extension SupervisorMessage {
    package var type: UInt16 {
        switch self {
        case .assign: 1
        case .eventDescriptors: 2
        case .listeners: 3
        case .probe: 4
        case .accept: 5
        case .stopAccepting: 6
        case .handOver: 7
        case .drain: 8
        case .stop: 9
        case .report: 10
        case .adopted: 12
        }
    }

    package func encodeFields(into writer: inout WireWriter) {
        switch self {
        case .assign(let assignment): assignment.encode(into: &writer)
        case .eventDescriptors(let firstLane, let count):
            writer.put(firstLane)
            writer.put(count)
        case .listeners(let places, let last):
            places.encode(into: &writer)
            writer.put(last)
        case .probe, .stop: break
        case .accept(let slot), .stopAccepting(let slot): writer.put(slot)
        case .handOver(let role, let peerLane):
            writer.put(role.rawValue)
            writer.put(peerLane)
        case .drain(let deadlines):
            writer.put(deadlines.idleMilliseconds)
            writer.put(deadlines.requestMilliseconds)
            writer.put(deadlines.streamMilliseconds)
        case .report(let serial): writer.put(serial)
        case .adopted(let adoption): writer.put(adoption.supervisorPID)
        }
    }

    package static func decode(type: UInt16, from reader: inout WireReader) throws(ControlError) -> Self? {
        switch type {
        case 1: return .assign(try Assignment(from: &reader))
        case 2: return .eventDescriptors(firstLane: try reader.take(), count: try reader.take())
        case 3: return .listeners(try [ListenerPlace](from: &reader), last: try reader.takeBool())
        case 4: return .probe
        case 5: return .accept(slot: try reader.take())
        case 6: return .stopAccepting(slot: try reader.take())
        case 7: return .handOver(role: try reader.takeCase(), peerLane: try reader.take())
        case 8:
            return .drain(
                DrainDeadlines(
                    idleMilliseconds: try reader.take(), requestMilliseconds: try reader.take(),
                    streamMilliseconds: try reader.take()))
        case 9: return .stop
        case 10: return .report(serial: try reader.take())
        case 12: return .adopted(Adoption(supervisorPID: try reader.takeInt32()))
        default: return nil
        }
    }
}

extension Assignment {
    func encode(into writer: inout WireWriter) {
        writer.put(generation)
        writer.put(lane)
        writer.put(slot)
        writer.put(slots)
        writer.put(cpu ?? UInt16.max)
        writer.put(orphanSeconds)
    }

    init(from reader: inout WireReader) throws(ControlError) {
        generation = try reader.take()
        lane = try reader.take()
        slot = try reader.take()
        slots = try reader.take()
        let cpu: UInt16 = try reader.take()
        self.cpu = cpu == UInt16.max ? nil : cpu
        orphanSeconds = try reader.take()
    }
}

extension [ListenerPlace] {
    func encode(into writer: inout WireWriter) {
        writer.put(list: self) { writer, place in
            writer.put(place.address)
            writer.put(place.slot)
        }
    }

    init(from reader: inout WireReader) throws(ControlError) {
        self = try reader.takeList { (reader) throws(ControlError) in
            ListenerPlace(address: try reader.take(), slot: try reader.take())
        }
    }
}
