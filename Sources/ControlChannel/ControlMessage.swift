// What every message on a SOCK_SEQPACKET control socket has in common: a six-byte head (magic, version, type).
// The meanings are in SupervisorMessage, WorkerMessage and HandOverMessage.

package enum ControlProtocol {
    /// Raised when a message changes its meaning; new messages and new trailing fields do not raise it: a receiver
    /// ignores types it does not know and bytes after the fields it knows.
    package static let version: UInt16 = 1
    static let magic: UInt16 = 0x4D4C  // "LM"
    /// Descriptors that travel with one message at most (SCM_MAX_FD is 253).
    package static let descriptorsPerMessage = 240
    /// Bytes of one message at most; the hand-over of a connection carries up to 64 KiB of unread bytes.
    package static let messageBytes = 72 * 1024
}

package protocol ControlMessage: Equatable, Sendable {
    var type: UInt16 { get }
    func encodeFields(into writer: inout WireWriter)
    /// Nil for a type that this version does not know.
    static func decode(type: UInt16, from reader: inout WireReader) throws(ControlError) -> Self?
}

extension ControlMessage {
    package func encoded() -> [UInt8] {
        var writer = WireWriter()
        writer.put(ControlProtocol.magic)
        writer.put(ControlProtocol.version)
        writer.put(type)
        encodeFields(into: &writer)
        return writer.bytes
    }

    package static func decoded(_ bytes: [UInt8], length: Int? = nil) throws(ControlError) -> Self? {
        var reader = WireReader(bytes, upTo: length)
        guard try reader.take(UInt16.self) == ControlProtocol.magic else { throw .malformed("wrong magic") }
        let version = try reader.take(UInt16.self)
        guard version == ControlProtocol.version else {
            throw .version(found: version, spoken: ControlProtocol.version)
        }
        let type = try reader.take(UInt16.self)
        return try decode(type: type, from: &reader)
    }
}
