// What a request's head says, as numbers and offsets. Filled in by RequestParser; nothing here looks at bytes.

/// The methods the node tells apart. Methods are case-sensitive (RFC 9110 section 9.1).
@usableFromInline package enum Method: UInt8, Sendable {
    /// Any other token; see `RequestHead.methodText`.
    case other, get, head, post, put, delete, options, trace, patch, connect, purge
    /// PROPFIND, REPORT, SEARCH and QUERY, which IANA's registry of methods calls safe.
    case otherSafe

    /// RFC 9110 section 9.2.1.
    @inlinable package var isSafe: Bool {
        switch self {
        case .get, .head, .options, .trace, .otherSafe: true
        case .other, .post, .put, .delete, .patch, .connect, .purge: false
        }
    }
    /// RFC 9110 section 9.2.2.
    @inlinable package var isIdempotent: Bool { isSafe || self == .put || self == .delete }
}

/// The form of the request target (RFC 9112 section 3.2). The authority form belongs to CONNECT, which is refused.
@usableFromInline package enum TargetForm: UInt8, Sendable {
    /// `/path?query`
    case origin
    /// `http://authority/path?query`; the authority wins over Host and must agree with it.
    case absolute
    /// `*`, with OPTIONS only; also when it was said as `http://authority` without a path.
    case asterisk
}

/// The scheme of an absolute-form target.
package enum TargetScheme: UInt8, Sendable {
    /// Not said: the listener knows.
    case unstated
    case http
    case https
}

/// How long the body is (RFC 9112 section 6.3).
@usableFromInline package enum BodyFraming: Equatable, Sendable {
    /// There is no body.
    case none
    /// Exactly this many bytes; may be 0.
    case length(UInt64)
    /// Chunked transfer coding: use a `ChunkedDecoder`.
    case chunked
    /// Responses only: until the connection closes.
    case untilClose
}

/// What the Connection field asks for (RFC 9110 section 7.6.1).
@usableFromInline package struct ConnectionOptions: OptionSet, Sendable {
    @usableFromInline package let rawValue: UInt8
    @inlinable package init(rawValue: UInt8) { self.rawValue = rawValue }
    @inlinable package static var close: ConnectionOptions { ConnectionOptions(rawValue: 1) }
    @inlinable package static var keepAlive: ConnectionOptions { ConnectionOptions(rawValue: 2) }
    @inlinable package static var upgrade: ConnectionOptions { ConnectionOptions(rawValue: 4) }
    /// `TE` is named, as it must be when a TE field is sent.
    @inlinable package static var te: ConnectionOptions { ConnectionOptions(rawValue: 8) }
    /// Other names are listed; the fields they name are marked as dropped in the table.
    @inlinable package static var others: ConnectionOptions { ConnectionOptions(rawValue: 16) }
}

/// Everything known of a request once its head is complete. All extents are relative to the span that was parsed.
package struct RequestHead: Sendable {
    package var method: Method = .other
    package var methodText: Extent = .empty
    package var form: TargetForm = .origin
    package var scheme: TargetScheme = .unstated
    /// The whole request target as it was sent.
    package var target: Extent = .empty
    /// The path, without query. Empty in `*` form and in `http://host` without a path (which means `/`).
    package var path: Extent = .empty
    /// The query without its `?`; see `hasQuery`.
    package var query: Extent = .empty
    /// There is a `?`, though the query may be empty.
    package var hasQuery: Bool = false
    /// `host[:port]` from the absolute-form target, else from Host. Empty only in HTTP/1.0 without Host.
    package var authority: Extent = .empty
    /// The authority's host, IPv6 brackets included. Case is as sent.
    package var host: Extent = .empty
    /// The authority's port, 0 when there is none.
    package var port: UInt16 = 0
    /// The minor version: 0 for HTTP/1.0, 1 for HTTP/1.1 and later 1.x.
    package var minorVersion: UInt8 = 1
    package var framing: BodyFraming = .none
    package var connection: ConnectionOptions = []
    /// The connection may carry another request after this one.
    package var keepAlive: Bool = true
    /// The client waits for 100 (Continue) before it sends the body.
    package var expectContinue: Bool = false
    /// `Connection: upgrade` with an Upgrade field in an HTTP/1.1 request: the field's value is in the table.
    package var upgrade: Bool = false
    /// `TE: trailers` was sent: the client wants trailers.
    package var acceptsTrailers: Bool = false
    /// What Max-Forwards allows a TRACE or OPTIONS request; the forwarded request says one less. 0, of OPTIONS only: it
    /// ends here. nil without the field and for all other methods.
    package var maxForwards: UInt32?
    /// Bytes of the head, empty line included.
    package var length: Int = 0

    package init() {}
}
