// Heads sent to clients: of stored answers in every form, and of relayed ones. Bodies are not touched here.

package import HTTPMessage

/// How the body behind a head is delimited, and whether the connection goes on.
package struct Delivery: Sendable, Equatable {
    package var framing: BodyFraming
    /// Writes `Connection: close` (or nothing; `keep-alive` to HTTP/1.0).
    package var keepAlive: Bool
    /// The client's minor version.
    package var minorVersion: UInt8

    @inlinable
    package init(framing: BodyFraming, keepAlive: Bool, minorVersion: UInt8 = 1) {
        self.framing = framing
        self.keepAlive = keepAlive
        self.minorVersion = minorVersion
    }
}

package enum ClientHead {
    /// The head of a plain hit: status line, stored lines, Content-Length, Age, Via, Cache-Status. A few copies.
    package static func writeHit(
        stored: borrowing StoredHead, bodyLength: UInt64, now: Int64, keepAlive: Bool, minorVersion: UInt8,
        settings: PolicySettings, into sink: inout ByteSink
    ) {}

    /// The head of any answer made from a stored one. For `.multipart` the boundary is derived from `boundary`, any
    /// number that is also given to `MultipartRanges`.
    ///
    /// - Parameters:
    ///   - length: the object's whole length; nil while unknown.
    ///   - delivery: framing counts for `.whole` only; the other selections know theirs.
    package static func write(
        stored: borrowing StoredHead, selection: Selection, length: UInt64?, now: Int64, delivery: Delivery,
        boundary: UInt64, report: CacheStatus, key: RawSpan, settings: PolicySettings, into sink: inout ByteSink
    ) {}

    /// The head of an origin's answer that is relayed (passed, or sent to the client whose request fills the cache):
    /// end-to-end fields, Date when missing, Via, framing, Connection, Cache-Status. Also for interim answers, which
    /// get neither framing nor Cache-Status.
    package static func writeRelayed(
        head: ResponseHead, bytes: RawSpan, fields: borrowing FieldTable, now: Int64, delivery: Delivery,
        report: CacheStatus, key: RawSpan, settings: PolicySettings, into sink: inout ByteSink
    ) {}

    /// The head of an answer the node makes itself (504 for only-if-cached, 502, 400 ...), with a text/plain body of
    /// `bodyLength` bytes.
    package static func writeOwn(
        status: UInt16, bodyLength: UInt64, now: Int64, delivery: Delivery, report: CacheStatus,
        settings: PolicySettings, into sink: inout ByteSink
    ) {}
}
