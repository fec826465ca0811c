// The request target's form, path, query and authority (RFC 9112 section 3.2). Normalisation belongs to the cache
// key and is not done here.

enum Target {
    /// Takes apart the target at `target`, whose first `?` is at `question` (-1 for none); the reason if it is refused.
    @inline(__always)
    static func parse(_ bytes: RawSpan, _ target: Extent, _ question: Int, into head: inout RequestHead) -> Rejection? {
        head.target = target
        let end = target.upper
        if question >= 0 {
            head.hasQuery = true
            head.query = Extent(start: question &+ 1, end: end)
        }
        let pathEnd = question >= 0 ? question : end
        if bytes.byte(at: target.lower) == 0x2F {
            if head.method == .connect { return .connectRefused }
            head.form = .origin
            head.path = Extent(start: target.lower, end: pathEnd)
            return checkPath(bytes, target.lower, pathEnd)
        }
        return parseOther(bytes, target, pathEnd, into: &head)
    }

    /// Anything but origin form.
    private static func parseOther(
        _ bytes: RawSpan, _ target: Extent, _ pathEnd: Int, into head: inout RequestHead
    ) -> Rejection? {
        if head.method == .connect { return .connectRefused }
        if target.count == 1, bytes.byte(at: target.lower) == 0x2A {
            guard head.method == .options else { return .unsupportedTargetForm }
            head.form = .asterisk
            return nil
        }
        guard let authorityStart = parseScheme(bytes, target, into: &head) else { return .unsupportedTargetForm }
        head.form = .absolute
        var slash = authorityStart
        while slash < pathEnd, bytes.byte(at: slash) != 0x2F { slash &+= 1 }
        head.path = Extent(start: slash, end: pathEnd)
        guard let authority = Authority.parse(bytes, Extent(start: authorityStart, end: slash)) else {
            return .invalidHost
        }
        head.take(authority)
        return checkPath(bytes, slash, pathEnd)
    }

    /// The place behind `http://` or `https://`, nil for anything else.
    private static func parseScheme(_ bytes: RawSpan, _ target: Extent, into head: inout RequestHead) -> Int? {
        let text = bytes.slice(target)
        if text.byteCount >= 7, equalIgnoringCase(text.extracting(first: 7), "http://") {
            head.scheme = .http
            return target.lower &+ 7
        }
        if text.byteCount >= 8, equalIgnoringCase(text.extracting(first: 8), "https://") {
            head.scheme = .https
            return target.lower &+ 8
        }
        return nil
    }

    /// Percent-encodings of the path must be whole, and not of NUL. (In queries `%` is common as it is.)
    @inline(__always)
    private static func checkPath(_ bytes: RawSpan, _ start: Int, _ end: Int) -> Rejection? {
        var at = start
        while at &+ 8 <= end {
            let mask = Words.equal(bytes.word(at: at), Words.all(0x25))
            if mask != 0 { return checkEncodings(bytes, at, end) }
            at &+= 8
        }
        return checkEncodings(bytes, at, end)
    }

    private static func checkEncodings(_ bytes: RawSpan, _ start: Int, _ end: Int) -> Rejection? {
        var at = start
        while at < end {
            guard bytes.byte(at: at) == 0x25 else {
                at &+= 1
                continue
            }
            guard at &+ 2 < end else { return .invalidTarget }
            let high = ByteClass.hexadecimalValue(bytes.byte(at: at &+ 1))
            let low = ByteClass.hexadecimalValue(bytes.byte(at: at &+ 2))
            guard high != 255, low != 255, high | low != 0 else { return .invalidTarget }
            at &+= 3
        }
        return nil
    }
}
