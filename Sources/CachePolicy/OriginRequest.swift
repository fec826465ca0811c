// The head of the request that goes to the origin: which fields are passed on, which are added, which are kept out.

package import HTTPMessage

/// What the node knows of the exchange beside the client's request.
package struct ForwardContext: Sendable {
    /// The client connection came by TLS.
    package var secure = false
    /// The peer is a trusted proxy: its X-Forwarded-* and Forwarded fields are believed and extended.
    package var trustedPeer = false
    /// The answer may be stored and shared: the guards against poisoning apply.
    package var cacheable = true
    /// The connection to the origin is to be kept.
    package var keepAlive = true
    /// How the request's body is sent on.
    package var framing = BodyFraming.none

    package init() {}
}

package enum OriginRequest {
    /// Why the request is sent.
    package enum Purpose: UInt8, Sendable {
        /// To store a whole answer: the client's conditionals and Range are left out, HEAD becomes GET.
        case fill
        /// To validate the stored answer: its validators instead of the client's.
        case validate
        /// To relay: everything the client said.
        case pass
        /// To fetch one range of the stored object, with If-Range.
        case range
    }

    /// Writes the request head.
    ///
    /// - Parameters:
    ///   - target, authority: normalised, from the cache key; for `pass` too.
    ///   - clientAddress: the peer's address as text, without port.
    ///   - stored: whose validators are used for `.validate` and `.range`.
    ///   - range: for `.range`.
    ///   - record: the stored Vary, whose fields are always forwarded.
    package static func write(
        purpose: Purpose, head: RequestHead, bytes: RawSpan, fields: borrowing FieldTable, target: RawSpan,
        authority: RawSpan, clientAddress: RawSpan, stored: borrowing StoredHead?, range: ByteRange?,
        record: borrowing VaryRecord?, context: ForwardContext, settings: PolicySettings, into sink: inout ByteSink
    ) {}
}
