// What two workers say to each other while one hands its plaintext connections to the other.
//
// Order for the giver: stop reading (EPOLL_CTL_DEL, or cancel and await the receive), send `connection` with the
// descriptor and the unread bytes in one message, keep its own copy until `taken`, then close it. On `refused`, or when
// the pair closes first, the giver goes on serving. At most 64 connections may be unanswered at a time. A giver that
// has nothing more to give sends `end`; either side may close the pair after that.

package enum HandOverMessage: ControlMessage {
    /// One descriptor for a connection, two (client, origin) for a tunnel.
    case connection(HandedConnection)
    case taken(id: UInt32)
    case refused(id: UInt32)
    case end
}

package struct HandedConnection: Equatable, Sendable {
    /// Chosen by the giver, unique within the pair.
    package var id: UInt32
    /// Index into `ConfigurationSnapshot.addresses`; UInt16.max when the taker has no such address.
    package var address: UInt16
    package var slot: UInt16
    package var peer: SocketAddress?
    /// Age and number of requests answered, so that limits per connection go on counting.
    package var ageMilliseconds: UInt64
    package var idleMilliseconds: UInt64
    package var requests: UInt32
    package var isTunnel: Bool
    /// Bytes read from the client and not yet acted on; for a tunnel, bytes on their way to the origin.
    package var unread: [UInt8]
    /// For a tunnel, bytes on their way to the client.
    package var unsent: [UInt8]
    /// For a tunnel, index into `ConfigurationSnapshot.origins`.
    package var origin: UInt16

    package static let maximumUnreadBytes = 64 * 1024

    package init(
        id: UInt32, address: UInt16, slot: UInt16, peer: SocketAddress?, ageMilliseconds: UInt64 = 0,
        idleMilliseconds: UInt64 = 0, requests: UInt32 = 0, isTunnel: Bool = false, unread: [UInt8] = [],
        unsent: [UInt8] = [], origin: UInt16 = 0
    ) {
        self.id = id
        self.address = address
        self.slot = slot
        self.peer = peer
        self.ageMilliseconds = ageMilliseconds
        self.idleMilliseconds = idleMilliseconds
        self.requests = requests
        self.isTunnel = isTunnel
        self.unread = unread
        self.unsent = unsent
        self.origin = origin
    }
}

extension HandOverMessage {
    package var type: UInt16 {
        switch self {
        case .connection: 201
        case .taken: 202
        case .refused: 203
        case .end: 204
        }
    }

    package func encodeFields(into writer: inout WireWriter) {
        switch self {
        case .connection(let connection): connection.encode(into: &writer)
        case .taken(let id), .refused(let id): writer.put(id)
        case .end: break
        }
    }

    package static func decode(type: UInt16, from reader: inout WireReader) throws(ControlError) -> Self? {
        switch type {
        case 201: return .connection(try HandedConnection(from: &reader))
        case 202: return .taken(id: try reader.take())
        case 203: return .refused(id: try reader.take())
        case 204: return .end
        default: return nil
        }
    }
}

extension HandedConnection {
    func encode(into writer: inout WireWriter) {
        writer.put(id)
        writer.put(address)
        writer.put(slot)
        writer.put(peer != nil)
        if let peer { peer.encode(into: &writer) }
        writer.put(ageMilliseconds)
        writer.put(idleMilliseconds)
        writer.put(requests)
        writer.put(isTunnel)
        writer.put(unread)
        writer.put(unsent)
        writer.put(origin)
    }

    init(from reader: inout WireReader) throws(ControlError) {
        id = try reader.take()
        address = try reader.take()
        slot = try reader.take()
        peer = try reader.takeBool() ? try SocketAddress(from: &reader) : nil
        ageMilliseconds = try reader.take()
        idleMilliseconds = try reader.take()
        requests = try reader.take()
        isTunnel = try reader.takeBool()
        unread = try reader.takeBytes()
        unsent = try reader.takeBytes()
        // Earlier binaries end here.
        origin = reader.remaining >= 2 ? try reader.take() : 0
    }
}
