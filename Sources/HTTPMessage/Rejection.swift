// Every reason a message is refused, and the status that answers it. Decided by the parsers; the worker sends the
// status and closes. Each case has a test and, where it is our choice, a paragraph in docs/http-parsing.md.

/// Why a message was refused. After any of these the connection cannot be used again.
package enum Rejection: UInt8, Error, CaseIterable, Sendable {
    // Start line
    /// A control character, bare CR or bare LF in the request line.
    case malformedRequestLine
    /// The method has a byte that is not a token character.
    case invalidMethod
    /// The method is longer than the limit.
    case methodTooLong
    /// CONNECT: this node is no tunnel.
    case connectRefused
    /// The target has a byte that no URI may have, or a broken percent-encoding in its path.
    case invalidTarget
    /// The target is none of origin form, `http(s)://` form or `OPTIONS *`.
    case unsupportedTargetForm
    /// The request line is longer than the limit.
    case targetTooLong
    /// The version is not `HTTP/` digit `.` digit.
    case malformedVersion
    /// A version other than HTTP/1.x.
    case unsupportedVersion
    // Field section
    /// A field line without a colon, without a name, or with white space before the colon.
    case malformedField
    /// The field name has a byte that is not a token character.
    case invalidFieldName
    /// The field value has a control character (NUL, bare CR and bare LF included).
    case invalidFieldValue
    /// A field line that begins with white space (obs-fold, RFC 9112 section 5.2).
    case foldedField
    /// A line that ends in LF without CR.
    case bareLineFeed
    /// The head is longer than the limit.
    case headTooLong
    /// One field name is longer than the limit.
    case fieldNameTooLong
    /// More field lines than the limit.
    case tooManyFields
    // Authority
    /// HTTP/1.1 without Host.
    case missingHost
    /// More than one Host.
    case repeatedHost
    /// The Host (or the target's authority) is not `host[:port]`.
    case invalidHost
    // Framing
    /// Content-Length is not a plain decimal number.
    case invalidContentLength
    /// Several Content-Length lines that differ.
    case contentLengthsDiffer
    /// Content-Length and Transfer-Encoding in one message.
    case lengthAndTransferEncoding
    /// Transfer-Encoding in HTTP/1.0.
    case transferEncodingInOldVersion
    /// Transfer-Encoding is empty or repeated, or does not end in the one and only chunked.
    case invalidTransferEncoding
    /// A transfer coding other than chunked, in front of it.
    case unknownTransferCoding
    /// A field name that some origins read as a framing field (`Content_Length`).
    case ambiguousFieldName
    /// The body is longer than the limit.
    case bodyTooLong
    /// An expectation other than 100-continue.
    case unknownExpectation
    /// TRACE with a body (RFC 9110 section 9.3.8).
    case bodyInTrace
    /// TRACE with `Max-Forwards: 0`: not forwarded, and the node does not say what it was sent (section 7.6.2).
    case noForwardsLeft
    // Chunked bodies
    /// The chunk size is not hexadecimal digits, or too many.
    case invalidChunkSize
    /// The chunk extensions do not follow the grammar.
    case invalidChunkExtension
    /// The chunk extensions are longer than the limit.
    case chunkExtensionsTooLong
    /// The chunk's data is not followed by CR LF.
    case missingChunkEnd
    /// A trailer field that would change framing or routing.
    case forbiddenTrailer
    /// The trailer section is longer than the limit or has too many fields.
    case trailersTooLong
    // Responses
    /// The status line is not `HTTP/1.x SP 3digits SP reason`.
    case malformedStatusLine
    /// 101 that was not asked for, or a status below 100.
    case invalidStatus

    /// The status that answers it when a client sent it. From an origin everything is 502.
    package var status: UInt16 {
        switch self {
        case .methodTooLong, .unknownTransferCoding: 501
        case .connectRefused, .noForwardsLeft: 405
        case .targetTooLong: 414
        case .unsupportedVersion: 505
        case .headTooLong, .fieldNameTooLong, .tooManyFields, .trailersTooLong: 431
        case .bodyTooLong: 413
        case .unknownExpectation: 417
        case .malformedStatusLine, .invalidStatus: 502
        default: 400
        }
    }
}
