// The request line (RFC 9112 section 3): method, target and its form, version. Host and fields are elsewhere.

enum RequestLine {
    /// Parses the line at `position` into `head` and moves `position` behind it. Nothing is kept where more is
    /// needed.
    static func parse(
        _ bytes: RawSpan, _ position: inout Int, into head: inout RequestHead, _ limits: MessageLimits
    ) -> SectionProgress {
        let start = position
        let limit = start &+ limits.startLineBytes
        var methodEnd = start &+ 3
        if bytes.byteCount &- start >= 4, bytes.halfWord(at: start) == 0x2054_4547 {  // "GET "
            head.method = .get
        } else {
            switch endOfMethod(bytes, start, limits) {
            case .found(let place): methodEnd = place
            case .needMore: return .needMore
            case .rejected(let reason): return .rejected(reason)
            }
            head.method = method(bytes, start, methodEnd &- start)
        }
        head.methodText = Extent(start: start, end: methodEnd)

        let targetStart = methodEnd &+ 1
        var question = -1
        let targetEnd = endOfTarget(bytes, targetStart, limit, &question)
        guard targetEnd < bytes.byteCount else {
            return bytes.byteCount > limit ? .rejected(.targetTooLong) : .needMore
        }
        guard targetEnd <= limit else { return .rejected(.targetTooLong) }
        guard bytes.byte(at: targetEnd) == 0x20 else { return .rejected(targetRejection(bytes.byte(at: targetEnd))) }
        guard targetEnd > targetStart else { return .rejected(.malformedRequestLine) }

        switch parseVersion(bytes, targetEnd &+ 1, into: &head) {
        case .found(let next):
            guard next &- 2 <= limit else { return .rejected(.targetTooLong) }
            position = next
        case .needMore: return .needMore
        case .rejected(let reason): return .rejected(reason)
        }
        if let reason = Target.parse(bytes, Extent(start: targetStart, end: targetEnd), question, into: &head) {
            return .rejected(reason)
        }
        return .complete
    }

    /// The space after the method.
    private static func endOfMethod(_ bytes: RawSpan, _ start: Int, _ limits: MessageLimits) -> LineScan {
        var at = start
        while at < bytes.byteCount {
            let byte = bytes.byte(at: at)
            if byte == 0x20 { return at > start ? .found(at) : .rejected(.malformedRequestLine) }
            guard ByteClass.isToken(byte) else { return .rejected(methodRejection(byte)) }
            at &+= 1
            if at &- start > limits.methodBytes { return .rejected(.methodTooLong) }
        }
        return .needMore
    }

    private static func methodRejection(_ byte: UInt8) -> Rejection {
        switch byte {
        case 0x0A: .bareLineFeed
        case 0x0D, 0x09: .malformedRequestLine
        default: .invalidMethod
        }
    }

    private static func targetRejection(_ byte: UInt8) -> Rejection {
        switch byte {
        case 0x0A: .bareLineFeed
        case 0x0D, 0x09: .malformedRequestLine
        default: .invalidTarget
        }
    }

    /// Recognises the method by its bytes.
    @inline(__always)
    private static func method(_ bytes: RawSpan, _ start: Int, _ count: Int) -> Method {
        switch (count, Words.load(bytes, start, count: count)) {
        case (3, 0x54_4547): .get
        case (4, 0x4441_4548): .head
        case (4, 0x5453_4F50): .post
        case (3, 0x54_5550): .put
        case (6, 0x4554_454C_4544): .delete
        case (7, 0x53_4E4F_4954_504F): .options
        case (5, 0x45_4341_5254): .trace
        case (5, 0x48_4354_4150): .patch
        case (7, 0x54_4345_4E4E_4F43): .connect
        case (5, 0x45_4752_5550): .purge
        case (8, 0x444E_4946_504F_5250): .otherSafe
        case (6, 0x5452_4F50_4552): .otherSafe
        case (6, 0x4843_5241_4553): .otherSafe
        case (5, 0x59_5245_5551): .otherSafe
        default: .other
        }
    }

    /// The first byte that is not part of the target, at most just behind `limit`; notes the first `?`.
    @inline(__always)
    private static func endOfTarget(_ bytes: RawSpan, _ start: Int, _ limit: Int, _ question: inout Int) -> Int {
        let end = Swift.min(bytes.byteCount, limit &+ 1)
        var at = start
        while at < end {
            let byte = bytes.byte(at: at)
            if ByteClass.of(byte) & ByteClass.path == 0 {
                if byte == 0x3F {
                    question = at
                    at &+= 1
                    while at < end, ByteClass.of(bytes.byte(at: at)) & ByteClass.query != 0 { at &+= 1 }
                    return at
                }
                guard byte == 0x25 else { return at }
            }
            at &+= 1
        }
        return at
    }

    /// The version and the line end at `start`; found is the place behind them.
    @inline(__always)
    private static func parseVersion(_ bytes: RawSpan, _ start: Int, into head: inout RequestHead) -> LineScan {
        guard start &+ 10 <= bytes.byteCount else { return partialVersion(bytes, start) }
        let word = bytes.word(at: start)
        if word == 0x312E_312F_5054_5448, bytes.pair(at: start &+ 8) == 0x0A0D {  // HTTP/1.1
            head.minorVersion = 1
            return .found(start &+ 10)
        }
        guard word & 0xFF_FFFF_FFFF == 0x2F_5054_5448, ByteClass.isDigit(bytes.byte(at: start &+ 5)),
            bytes.byte(at: start &+ 6) == 0x2E, ByteClass.isDigit(bytes.byte(at: start &+ 7))
        else { return .rejected(.malformedVersion) }
        if bytes.byte(at: start &+ 8) == 0x0A { return .rejected(.bareLineFeed) }
        guard bytes.pair(at: start &+ 8) == 0x0A0D else { return .rejected(.malformedVersion) }
        guard bytes.byte(at: start &+ 5) == 0x31 else { return .rejected(.unsupportedVersion) }
        head.minorVersion = Swift.min(bytes.byte(at: start &+ 7) &- 0x30, 1)
        return .found(start &+ 10)
    }

    /// A version that is not all there: refused as soon as it cannot become one.
    private static func partialVersion(_ bytes: RawSpan, _ start: Int) -> LineScan {
        let pattern: StaticString = "HTTP/d.d\r\n"
        var offset = 0
        while start &+ offset < bytes.byteCount {
            let byte = bytes.byte(at: start &+ offset)
            let wanted = pattern.byte(at: offset)
            let matches = wanted == 0x64 ? ByteClass.isDigit(byte) : byte == wanted
            if !matches { return .rejected(byte == 0x0A ? .bareLineFeed : .malformedVersion) }
            offset &+= 1
        }
        return .needMore
    }
}
