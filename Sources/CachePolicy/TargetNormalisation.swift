// Path, query and authority in the one form that is keyed and forwarded. The rule is in CacheKey.swift.

import HTTPMessage

/// Writes a normalised target piece by piece, so that a relative reference can be merged with its base.
struct TargetNormaliser: ~Copyable {
    /// Where the path begins in the sink; it always begins with `/`.
    private let start: Int
    private var segmentStart: Int

    init(into sink: inout ByteSink) {
        start = sink.count
        sink.append(UInt8(ascii: "/"))
        segmentStart = sink.count
    }

    /// Whether normalisation would change nothing: no escapes, no dot segments, nothing that needs an escape. Eight
    /// bytes at a time: every request comes through here.
    static func isNormal(path: RawSpan) -> Bool {
        guard path.byteCount > 0, path.byte(at: 0) == UInt8(ascii: "/") else { return false }
        var offset = 0
        var afterSlash: UInt64 = 0
        while offset &+ 8 <= path.byteCount {
            let word = path.word(at: offset)
            let slashes = Octets.equal(word, 0x2F)
            let dots = Octets.equal(word, 0x2E)
            if Octets.needsEscape(word) | (dots & (slashes << 8 | afterSlash)) != 0 { return false }
            afterSlash = slashes >> 56
            offset &+= 8
        }
        while offset < path.byteCount {
            let byte = path.byte(at: offset)
            if byte <= 0x20 || byte >= 0x7F || byte == UInt8(ascii: "%") { return false }
            if byte == UInt8(ascii: "."), path.byte(at: offset &- 1) == UInt8(ascii: "/") { return false }
            offset &+= 1
        }
        return true
    }

    static func isNormal(query: RawSpan) -> Bool {
        var offset = 0
        while offset &+ 8 <= query.byteCount {
            if Octets.needsEscape(query.word(at: offset)) != 0 { return false }
            offset &+= 8
        }
        while offset < query.byteCount {
            let byte = query.byte(at: offset)
            if byte <= 0x20 || byte >= 0x7F || byte == UInt8(ascii: "%") { return false }
            offset &+= 1
        }
        return true
    }

    /// Adds a piece of the path that does not begin with the path's first slash.
    mutating func add(path: RawSpan, into sink: inout ByteSink) {
        var offset = 0
        while offset < path.byteCount {
            if path.byte(at: offset) == UInt8(ascii: "/") {
                if !closeSegment(&sink) { sink.append(UInt8(ascii: "/")) }
                segmentStart = sink.count
                offset += 1
            } else {
                offset += TargetNormaliser.writeUnit(path, at: offset, into: &sink)
            }
        }
    }

    /// Resolves a dot segment at the end of the path.
    mutating func finishPath(into sink: inout ByteSink) {
        _ = closeSegment(&sink)
    }

    /// Removes the segment being written if it is `.` or `..`, with its parent if need be; false if it is neither.
    private mutating func closeSegment(_ sink: inout ByteSink) -> Bool {
        let length = sink.count - segmentStart
        guard length == 1 || length == 2, !sink.overflowed else { return false }
        for offset in segmentStart..<sink.count where sink.written.byte(at: offset) != UInt8(ascii: ".") {
            return false
        }
        var end = segmentStart
        if length == 2, end > start + 1 {
            end -= 1
            while sink.written.byte(at: end - 1) != UInt8(ascii: "/") { end -= 1 }
        }
        sink.truncate(to: end)
        segmentStart = end
        return true
    }

    static func add(query: RawSpan, sorted: Bool, into sink: inout ByteSink) {
        sink.append(UInt8(ascii: "?"))
        if sorted, let arguments = QueryArguments(query) {
            for index in 0..<arguments.count {
                if index > 0 { sink.append(UInt8(ascii: "&")) }
                add(piece: query.slice(arguments.extents[index]), into: &sink)
            }
            return
        }
        add(piece: query, into: &sink)
    }

    private static func add(piece: RawSpan, into sink: inout ByteSink) {
        if isNormal(query: piece) { return sink.append(piece) }
        var offset = 0
        while offset < piece.byteCount { offset += writeUnit(piece, at: offset, into: &sink) }
    }

    /// One character or percent-encoding in normal form.
    struct Unit {
        /// Bytes of the original.
        var used: Int
        var value: UInt8
        /// It is written as `%XX`.
        var isEscaped: Bool
    }

    static func unit(_ bytes: RawSpan, at offset: Int) -> Unit {
        let byte = bytes.byte(at: offset)
        guard byte == UInt8(ascii: "%") else {
            return Unit(used: 1, value: byte, isEscaped: byte <= 0x20 || byte >= 0x7F)
        }
        guard offset + 2 < bytes.byteCount, let high = digit(bytes.byte(at: offset + 1)),
            let low = digit(bytes.byte(at: offset + 2))
        else { return Unit(used: 1, value: byte, isEscaped: true) }
        let value = high << 4 | low
        return Unit(used: 3, value: value, isEscaped: !isUnreserved(value))
    }

    /// Writes one unit; returns the bytes used.
    private static func writeUnit(_ bytes: RawSpan, at offset: Int, into sink: inout ByteSink) -> Int {
        let unit = unit(bytes, at: offset)
        if unit.isEscaped { writeEscape(unit.value, into: &sink) } else { sink.append(unit.value) }
        return unit.used
    }

    private static func writeEscape(_ byte: UInt8, into sink: inout ByteSink) {
        sink.append(UInt8(ascii: "%"))
        sink.append(upperDigit(byte >> 4))
        sink.append(upperDigit(byte & 15))
    }

    static func upperDigit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 55 + value }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }

    /// RFC 3986 section 2.3.
    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
            true
        default: false
        }
    }
}

/// Eight bytes in a word; results have the top bit of each byte that fits.
private enum Octets {
    @inline(__always)
    static func equal(_ word: UInt64, _ byte: UInt8) -> UInt64 {
        let difference = word ^ (UInt64(byte) &* 0x0101_0101_0101_0101)
        return ~(((difference & 0x7F7F_7F7F_7F7F_7F7F) &+ 0x7F7F_7F7F_7F7F_7F7F) | difference | 0x7F7F_7F7F_7F7F_7F7F)
    }

    /// Not zero when a byte is a control, space, DEL, not ASCII, or `%`.
    @inline(__always)
    static func needsEscape(_ word: UInt64) -> UInt64 {
        let low = word & 0x7F7F_7F7F_7F7F_7F7F
        // Bytes from 0x21 on reach the top bit with 0x5F added; 0x7F does with 1 added.
        let printable = low &+ 0x5F5F_5F5F_5F5F_5F5F
        let delete = low &+ 0x0101_0101_0101_0101
        return ((~printable | delete | word) & 0x8080_8080_8080_8080) | equal(word, 0x25)
    }
}

/// `host[:port]` in lower case, without the scheme's default port.
enum AuthorityNormaliser {
    private static func isLowerCase(_ text: RawSpan) -> Bool {
        for offset in 0..<text.byteCount {
            let byte = text.byte(at: offset)
            if byte >= 65 && byte <= 90 { return false }
        }
        return true
    }

    static func write(_ authority: RawSpan, secure: Bool, into sink: inout ByteSink) {
        var hostEnd = authority.byteCount
        while hostEnd > 0 {
            let byte = authority.byte(at: hostEnd - 1)
            if byte == UInt8(ascii: ":") || byte == UInt8(ascii: "]") { break }
            hostEnd -= 1
        }
        let hasPort = hostEnd > 0 && authority.byte(at: hostEnd - 1) == UInt8(ascii: ":")
        if !hasPort, isLowerCase(authority) { return sink.append(authority) }
        let host = authority.extracting(first: hasPort ? hostEnd - 1 : authority.byteCount)
        for offset in 0..<host.byteCount {
            let byte = host.byte(at: offset)
            sink.append(byte >= 65 && byte <= 90 ? byte | 0x20 : byte)
        }
        guard hasPort, let port = Numbers.decimal(authority.extracting(hostEnd...)) else { return }
        guard port != (secure ? 443 : 80) else { return }
        sink.append(UInt8(ascii: ":"))
        sink.appendDecimal(port)
    }
}
