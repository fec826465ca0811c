// The head of the request that goes to the origin: which fields are passed on, which are added, which are kept out.

package import HTTPMessage

/// What the node knows of the exchange beside the client's request.
package struct ForwardContext: Sendable {
    /// The client connection came by TLS.
    package var secure = false
    /// The peer is a trusted proxy: its X-Forwarded-* and Forwarded fields are believed and extended.
    package var trustedPeer = false
    /// The answer may be stored and shared, or says something about what is: the guards against poisoning apply, and
    /// the codings asked for are those of the key.
    package var cacheable = true
    /// The connection to the origin is to be kept.
    package var keepAlive = true
    /// How the request's body is sent on.
    package var framing = BodyFraming.none
    /// The client waits for 100 (Continue), and so does the node.
    package var expectsContinue = false
    /// A fill sends the client's If-None-Match and If-Modified-Since, so that a miss of a client that has the object
    /// costs the origin a 304 only. Set to false when waiters take over a fill that ended so: they need a body.
    package var forwardsConditions = true
    /// A fill asks for what the client asks for and no more: Range and If-Range are sent as they came.
    package var forwardsRange = false
    /// The cache asks on its own account: what one client wants of a cache is not passed on.
    package var isRefresh = false

    package init() {}
}

package enum OriginRequest {
    /// Why the request is sent.
    package enum Purpose: UInt8, Sendable {
        /// A GET for a whole answer to store: Range and If-Range are left out.
        case fill
        /// A GET to validate the stored answer: its validators instead of the client's.
        case validate
        /// To relay: everything the client said, its method included.
        case pass
        /// To fetch one range of the stored object, with If-Range.
        case range
    }

    /// Writes the request head.
    ///
    /// - Parameters:
    ///   - target, authority: normalised, from the cache key; for `pass` too.
    ///   - clientAddress: the peer's address as text, without port and brackets.
    ///   - stored: whose validators are used for `.validate` and `.range`.
    ///   - range: for `.range`; a `last` of `UInt64.max` means to the end, wherever it is.
    ///   - record: the stored Vary, whose fields are always forwarded.
    package static func write(
        purpose: Purpose, head: RequestHead, bytes: RawSpan, fields: borrowing FieldTable, target: RawSpan,
        authority: RawSpan, clientAddress: RawSpan, stored: StoredHead?, range: ByteRange?, record: VaryRecord?,
        context: ForwardContext, settings: PolicySettings, into sink: inout ByteSink
    ) {
        if purpose == .pass { sink.append(head.methodText, of: bytes) } else { sink.append("GET") }
        sink.append(" ")
        if head.form == .asterisk { sink.append("*") } else { sink.append(target) }
        sink.append(" HTTP/1.1\r\nHost: ")
        if let host = settings.originHost {
            for byte in host.utf8 { sink.append(byte) }
        } else {
            sink.append(authority)
        }
        sink.append("\r\n")
        let rules = ForwardRules(purpose: purpose, context: context, settings: settings)
        for index in 0..<fields.count {
            let entry = fields[index]
            guard !entry.isDropped, rules.forwards(entry, bytes: bytes, record: record) else { continue }
            sink.append(entry.name, of: bytes)
            sink.append(": ")
            sink.append(entry.value, of: bytes)
            sink.append("\r\n")
        }
        if rules.normalisesCodings { writeCodings(bytes: bytes, fields: fields, into: &sink) }
        writeConditions(purpose: purpose, stored: stored, range: range, into: &sink)
        ForwardedFields.write(
            bytes: bytes, fields: fields, authority: authority, clientAddress: clientAddress, context: context,
            settings: settings, into: &sink
        )
        ClientHead.writeVia(settings: settings, receivedMinorVersion: head.minorVersion, into: &sink)
        writeBodyAndConnection(
            head: head, bytes: bytes, fields: fields, purpose: purpose, context: context, into: &sink)
        sink.append("\r\n")
    }

    /// The canonical list: what the origin may choose from is what the variant key says. Without the field it might
    /// choose any (RFC 9110 section 12.5.3), so that a client that takes none has to be heard to say so.
    private static func writeCodings(bytes: RawSpan, fields: borrowing FieldTable, into sink: inout ByteSink) {
        guard fields.contains(.acceptEncoding) else { return }
        let accepted = CodingSet(accepting: fields, bytes: bytes)
        sink.append("Accept-Encoding: ")
        if accepted.isEmpty { sink.append("identity") } else { accepted.writeValue(into: &sink) }
        sink.append("\r\n")
    }

    /// RFC 9111 section 4.3.1: every validator that is stored; RFC 9110 section 13.1.5: one strong one for a range.
    private static func writeConditions(
        purpose: Purpose, stored: StoredHead?, range: ByteRange?, into sink: inout ByteSink
    ) {
        guard let stored else { return }
        if purpose == .validate {
            if stored.flags.contains(.hasETag) { sink.appendField("If-None-Match", stored.etag) }
            if stored.flags.contains(.hasLastModified) { sink.appendField("If-Modified-Since", stored.lastModified) }
        }
        guard purpose == .range, let range else { return }
        sink.append("Range: bytes=")
        sink.appendDecimal(range.first)
        sink.append("-")
        // The end of an object whose length is not known is left to the origin.
        if range.last != .max { sink.appendDecimal(range.last) }
        sink.append("\r\n")
        if stored.flags.contains(.strongETag) {
            sink.appendField("If-Range", stored.etag)
        } else if stored.flags.contains(.strongLastModified) {
            sink.appendField("If-Range", stored.lastModified)
        }
    }

    private static func writeBodyAndConnection(
        head: RequestHead, bytes: RawSpan, fields: borrowing FieldTable, purpose: Purpose, context: ForwardContext,
        into sink: inout ByteSink
    ) {
        guard purpose == .pass else {
            return writeConnection(head.acceptsTrailers, keepAlive: context.keepAlive, into: &sink)
        }
        switch context.framing {
        case .length(let count): sink.appendField("Content-Length", decimal: count)
        case .chunked: sink.append("Transfer-Encoding: chunked\r\n")
        case .none, .untilClose: break
        }
        if let forwards = head.maxForwards { sink.appendField("Max-Forwards", decimal: UInt64(forwards) &- 1) }
        if context.expectsContinue { sink.append("Expect: 100-continue\r\n") }
        if head.upgrade, let protocols = fields.first(.upgrade) {
            sink.append("Connection: upgrade\r\n")
            sink.appendField("Upgrade", bytes.slice(protocols))
        } else {
            writeConnection(head.acceptsTrailers, keepAlive: context.keepAlive, into: &sink)
        }
    }

    private static func writeConnection(_ acceptsTrailers: Bool, keepAlive: Bool, into sink: inout ByteSink) {
        if acceptsTrailers {
            sink.append("TE: trailers\r\n")
            sink.append(keepAlive ? "Connection: TE\r\n" : "Connection: TE, close\r\n")
        } else if !keepAlive {
            sink.append("Connection: close\r\n")
        }
    }
}
