// Heads sent to clients that are made from stored answers: hits in every form, and the node's own answers. Relayed
// heads are in RelayedHead.swift. Bodies are not touched here.

package import HTTPMessage

/// How the body behind a head is delimited, and whether the connection goes on.
package struct Delivery: Sendable, Equatable {
    package var framing: BodyFraming
    /// Writes `Connection: close` when false; to HTTP/1.0 `keep-alive` when true.
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
    ///
    /// - Parameters:
    ///   - bodyLength: of the body that is sent; `objectLength`: of the stored object, whatever it is sent as.
    ///   - coding: the one that the node chose, where an encoded form is sent.
    package static func writeHit(
        stored: borrowing StoredHead, bodyLength: UInt64, objectLength: UInt64, coding: ContentCoding, now: Int64,
        keepAlive: Bool, minorVersion: UInt8, settings: PolicySettings, into sink: inout ByteSink
    ) {
        let age = stored.ageSeconds(now: now)
        StatusLine.write(stored.status, reason: stored.reason, into: &sink)
        if stored.mayBeEncoded(length: objectLength, settings: settings) {
            appendLines(of: stored, coding: coding, into: &sink)
            appendVary(of: stored, into: &sink)
        } else {
            sink.append(stored.fieldLines)
        }
        if StatusLine.mayHaveBody(stored.status) {
            sink.append("Content-Length: ")
            sink.appendDecimal(bodyLength)
            sink.append("\r\nAge: ")
        } else {
            sink.append("Age: ")
        }
        sink.appendDecimal(age)
        settings.nodeName.writeHit(receivedAs10: stored.flags.contains(.receivedAs10), into: &sink)
        sink.appendDecimal(Int64(stored.freshnessSeconds) &- Int64(truncatingIfNeeded: age))
        if coding != .identity { writeDetail(coding, settings: settings, into: &sink) }
        if keepAlive, minorVersion > 0 { return sink.append("\r\n\r\n") }
        sink.append("\r\n")
        writeConnection(keepAlive: keepAlive, minorVersion: minorVersion, into: &sink)
        sink.append("\r\n")
    }

    /// The head of any answer made from a stored one. For `.multipart` the boundary is derived from `boundary`, any
    /// number that is also given to `MultipartRanges`.
    ///
    /// - Parameters:
    ///   - length: the object's whole length, as it is stored; nil while unknown.
    ///   - report: its coding is the one that the body is sent in.
    ///   - delivery: framing counts for `.whole` only; the other selections know theirs.
    ///   - withheld: field lines that are not stored and are for this client alone.
    package static func write(
        stored: borrowing StoredHead, selection: Selection, length: UInt64?, now: Int64, delivery: Delivery,
        boundary: UInt64, report: CacheStatus, key: RawSpan, withheld: RawSpan = RawSpan(), settings: PolicySettings,
        into sink: inout ByteSink
    ) {
        switch selection {
        case .whole:
            StatusLine.write(stored.status, reason: stored.reason, into: &sink)
            appendLines(of: stored, coding: report.coding, into: &sink)
            writeFraming(delivery.framing, status: stored.status, into: &sink)
        case .notModified:
            sink.append("HTTP/1.1 304 Not Modified\r\n")
            writeLinesOf304(stored, coding: report.coding, into: &sink)
        case .range(let range):
            sink.append("HTTP/1.1 206 Partial Content\r\n")
            if stored.flags.contains(.simpleLines) {
                sink.append(stored.fieldLines)
            } else {
                writeLines(of: stored, without: FieldSet(.contentRange), into: &sink)
            }
            sink.append("Content-Range: ")
            ContentRange.write(range, length: length ?? 0, into: &sink)
            sink.append("\r\n")
            sink.appendField("Content-Length", decimal: range.count)
        case .multipart(let plan):
            sink.append("HTTP/1.1 206 Partial Content\r\n")
            writeLines(of: stored, without: FieldSet(.contentType) | .contentRange, into: &sink)
            sink.append("Content-Type: multipart/byteranges; boundary=")
            MultipartRanges.writeBoundary(boundary, into: &sink)
            sink.append("\r\n")
            let total = MultipartRanges.totalLength(
                plan: plan, length: length ?? 0, contentType: stored.contentType, boundary: boundary
            )
            sink.appendField("Content-Length", decimal: total)
        case .unsatisfiable:
            sink.append("HTTP/1.1 416 Range Not Satisfiable\r\n")
            writeLines(of: stored, without: representation, into: &sink)
            sink.append("Content-Range: bytes */")
            sink.appendDecimal(length ?? 0)
            sink.append("\r\nContent-Length: 0\r\n")
        }
        sink.append(withheld)
        if stored.mayBeEncoded(length: length, settings: settings) { appendVary(of: stored, into: &sink) }
        let age = stored.ageSeconds(now: now)
        if let ttl = report.ttlSeconds, report.isPlainHit, !settings.showsKeyInCacheStatus {
            sink.append("Age: ")
            sink.appendDecimal(age)
            settings.nodeName.writeHit(receivedAs10: stored.flags.contains(.receivedAs10), into: &sink)
            sink.appendDecimal(ttl)
            sink.append("\r\n")
            return writeLast(delivery: delivery, into: &sink)
        }
        // Age says that the origin did not give or confirm this answer for this very request (RFC 9111 section 5.1).
        if age > 0 || report.forward == .none || report.isCollapsed { sink.appendField("Age", decimal: age) }
        writeEnd(
            delivery: delivery, receivedMinorVersion: stored.flags.contains(.receivedAs10) ? 0 : 1, report: report,
            key: key, settings: settings, into: &sink)
    }

    /// The head of an answer the node makes itself (504 for only-if-cached, 502, 400 ...), with a text/plain body of
    /// `bodyLength` bytes.
    package static func writeOwn(
        status: UInt16, bodyLength: UInt64, now: Int64, delivery: Delivery, report: CacheStatus,
        settings: PolicySettings, into sink: inout ByteSink
    ) {
        StatusLine.write(status, reason: RawSpan(), into: &sink)
        sink.append("Date: ")
        HTTPDate.write(Seconds.whole(now), into: &sink)
        sink.append("\r\nCache-Control: no-store\r\n")
        if StatusLine.mayHaveBody(status) {
            sink.append("Content-Type: text/plain; charset=utf-8\r\n")
            sink.appendField("Content-Length", decimal: bodyLength)
        }
        // CONNECT and TRACE are refused so (RFC 9110 section 15.5.6), OPTIONS is answered so (section 9.3.7).
        if status == 405 || status == 204 {
            sink.append("Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n")
        }
        writeEnd(delivery: delivery, report: report, key: RawSpan(), settings: settings, into: &sink)
    }

    /// Via, Cache-Status, Connection and the empty line.
    static func writeEnd(
        delivery: Delivery, receivedMinorVersion: UInt8 = 1, report: CacheStatus, key: RawSpan,
        settings: PolicySettings, into sink: inout ByteSink
    ) {
        writeVia(settings: settings, receivedMinorVersion: receivedMinorVersion, into: &sink)
        report.write(key: key, settings: settings, into: &sink)
        writeLast(delivery: delivery, into: &sink)
    }

    /// Connection and the empty line.
    private static func writeLast(delivery: Delivery, into sink: inout ByteSink) {
        writeConnection(
            keepAlive: delivery.keepAlive && delivery.framing != .untilClose, minorVersion: delivery.minorVersion,
            into: &sink
        )
        sink.append("\r\n")
    }

    /// With the version in which the message came here (RFC 9110 section 7.6.3).
    static func writeVia(settings: PolicySettings, receivedMinorVersion: UInt8 = 1, into sink: inout ByteSink) {
        sink.append(receivedMinorVersion == 0 ? "Via: 1.0 " : "Via: 1.1 ")
        settings.nodeName.write(into: &sink)
        sink.append("\r\n")
    }

    static func writeFraming(_ framing: BodyFraming, status: UInt16, into sink: inout ByteSink) {
        guard StatusLine.mayHaveBody(status) else { return }
        switch framing {
        case .length(let count): sink.appendField("Content-Length", decimal: count)
        case .chunked: sink.append("Transfer-Encoding: chunked\r\n")
        case .none, .untilClose: break
        }
    }

    static func writeConnection(keepAlive: Bool, minorVersion: UInt8, into sink: inout ByteSink) {
        if !keepAlive {
            sink.append("Connection: close\r\n")
        } else if minorVersion == 0 {
            sink.append("Connection: keep-alive\r\n")
        }
    }

    /// Copies the stored lines except those of `without`.
    private static func writeLines(
        of stored: borrowing StoredHead, without: FieldSet, coding: ContentCoding = .identity, into sink: inout ByteSink
    ) {
        let lines = stored.fieldLines
        var walker = StoredLineWalker()
        while let line = walker.next(in: lines) {
            let field = KnownField.recognise(lines.slice(line.name))
            if field.rawValue < 64, without.intersects(field.bit) { continue }
            if field == .contentLanguage, without.intersects(KnownField.contentType.bit),
                without.intersects(KnownField.contentEncoding.bit)
            {
                continue
            }
            append(line.whole.range, of: stored, coding: coding, into: &sink)
        }
    }

    /// The lines that a 304 repeats; where no other line is in question, what lies around the two that are left out.
    private static func writeLinesOf304(
        _ stored: borrowing StoredHead, coding: ContentCoding, into sink: inout ByteSink
    ) {
        guard stored.flags.contains(.simpleLines) else {
            return writeLines(of: stored, without: notIn304(stored), coding: coding, into: &sink)
        }
        let type = stored.contentTypeLine
        let modified = stored.flags.contains(.hasETag) ? stored.lastModifiedLine : .empty
        let (first, second) = type.lower <= modified.lower ? (type, modified) : (modified, type)
        append(0..<first.lower, of: stored, coding: coding, into: &sink)
        append(first.upper..<max(first.upper, second.lower), of: stored, coding: coding, into: &sink)
        append(max(first.upper, second.upper)..<stored.fieldLines.byteCount, of: stored, coding: coding, into: &sink)
    }

    /// Metadata of a representation that is not there.
    private static var representation: FieldSet { FieldSet(.contentType) | .contentEncoding | .contentRange }

    /// RFC 9110 section 15.4.5: a 304 repeats what guides caches and leaves out what describes the content;
    /// Last-Modified only where there is no entity tag.
    private static func notIn304(_ stored: borrowing StoredHead) -> FieldSet {
        stored.flags.contains(.hasETag) ? representation | .lastModified : representation
    }
}
