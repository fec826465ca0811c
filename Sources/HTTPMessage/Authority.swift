// `host[:port]` (RFC 9110 section 4.2, 7.2), as strict as the node needs it to route and to key: host names of
// unreserved characters, IPv4, IPv6 in brackets; no user information, no percent-encoding, no sub-delimiters.

/// A checked authority.
package struct Authority: Equatable, Sendable {
    /// Host and port as sent, without a trailing colon.
    package var text: Extent
    /// The host, brackets included.
    package var host: Extent
    /// 0 where there is none.
    package var port: UInt16

    /// The authority that takes up all of `extent`, nil if it is none.
    package static func parse(_ bytes: RawSpan, _ extent: Extent) -> Authority? {
        let end = extent.upper
        guard extent.count > 0, extent.count <= 262 else { return nil }
        var at = extent.lower
        if bytes.byte(at: at) == 0x5B {
            guard let close = endOfAddress(bytes, at &+ 1, end) else { return nil }
            at = close
        } else {
            while at < end, ByteClass.of(bytes.byte(at: at)) & ByteClass.host != 0 { at &+= 1 }
            guard at > extent.lower, at &- extent.lower <= 255 else { return nil }
        }
        let host = Extent(start: extent.lower, end: at)
        guard at < end else { return Authority(text: host, host: host, port: 0) }
        guard bytes.byte(at: at) == 0x3A else { return nil }
        guard at &+ 1 < end else { return Authority(text: host, host: host, port: 0) }
        guard let port = parsePort(bytes, at &+ 1, end) else { return nil }
        return Authority(text: extent, host: host, port: port)
    }

    /// 1 to 65535 without leading zeros.
    private static func parsePort(_ bytes: RawSpan, _ start: Int, _ end: Int) -> UInt16? {
        guard end &- start <= 5, bytes.byte(at: start) != 0x30 else { return nil }
        var value = 0
        for offset in start..<end {
            let byte = bytes.byte(at: offset)
            guard ByteClass.isDigit(byte) else { return nil }
            value = value &* 10 &+ Int(byte &- 0x30)
        }
        return value <= 65535 ? UInt16(truncatingIfNeeded: value) : nil
    }

    /// The place behind the `]` of an IPv6 address that begins at `start` (RFC 3986 section 3.2.2, no zones).
    private static func endOfAddress(_ bytes: RawSpan, _ start: Int, _ end: Int) -> Int? {
        var at = start
        var groups = 0
        var compressed = false
        while at < end, bytes.byte(at: at) != 0x5D {
            if bytes.byte(at: at) == 0x3A {
                guard at &+ 1 < end, bytes.byte(at: at &+ 1) == 0x3A, !compressed else { return nil }
                compressed = true
                at &+= 2
                continue
            }
            let groupStart = at
            while at < end, ByteClass.hexadecimalValue(bytes.byte(at: at)) != 255 { at &+= 1 }
            guard at < end, at > groupStart else { return nil }
            if bytes.byte(at: at) == 0x2E {
                guard let close = endOfEmbedded(bytes, groupStart, end) else { return nil }
                groups &+= 2
                at = close
                break
            }
            guard at &- groupStart <= 4 else { return nil }
            groups &+= 1
            // One colon separates groups; a second one begins the compressed part and is looked at above.
            if bytes.byte(at: at) == 0x3A, at &+ 1 < end, bytes.byte(at: at &+ 1) != 0x3A {
                at &+= 1
                if bytes.byte(at: at) == 0x5D { return nil }
            } else if bytes.byte(at: at) != 0x3A, bytes.byte(at: at) != 0x5D {
                return nil
            }
        }
        guard at < end, bytes.byte(at: at) == 0x5D, compressed ? groups <= 7 : groups == 8 else { return nil }
        return at &+ 1
    }

    /// The `]` behind a dotted IPv4 address at `start`.
    private static func endOfEmbedded(_ bytes: RawSpan, _ start: Int, _ end: Int) -> Int? {
        var at = start
        for part in 0..<4 {
            let partStart = at
            var value = 0
            while at < end, at &- partStart < 3, ByteClass.isDigit(bytes.byte(at: at)) {
                value = value &* 10 &+ Int(bytes.byte(at: at) &- 0x30)
                at &+= 1
            }
            guard at > partStart, value <= 255, at < end else { return nil }
            guard part < 3 else { break }
            guard bytes.byte(at: at) == 0x2E else { return nil }
            at &+= 1
        }
        return at < end && bytes.byte(at: at) == 0x5D ? at : nil
    }
}

extension RequestHead {
    /// Makes `authority` the request's.
    @inline(__always)
    mutating func take(_ authority: Authority) {
        self.authority = authority.text
        host = authority.host
        port = authority.port
    }
}
