// Comparing runs of bytes, with and without regard to ASCII case, eight at a time.

/// Compares two runs of bytes without regard to ASCII case.
package func equalIgnoringCase(_ left: RawSpan, _ right: RawSpan) -> Bool {
    guard left.byteCount == right.byteCount else { return false }
    let end = left.byteCount
    var at = 0
    while at &+ 8 <= end {
        guard Words.lowered(left.word(at: at)) == Words.lowered(right.word(at: at)) else { return false }
        at &+= 8
    }
    while at < end {
        guard ByteClass.lowered(left.byte(at: at)) == ByteClass.lowered(right.byte(at: at)) else { return false }
        at &+= 1
    }
    return true
}

/// Compares with a text that is in lower case already.
package func equalIgnoringCase(_ left: RawSpan, _ lowerCase: StaticString) -> Bool {
    guard left.byteCount == lowerCase.utf8CodeUnitCount else { return false }
    for at in 0..<left.byteCount where ByteClass.lowered(left.byte(at: at)) != lowerCase.byte(at: at) { return false }
    return true
}

/// Compares two runs of bytes.
package func equalBytes(_ left: RawSpan, _ right: RawSpan) -> Bool {
    guard left.byteCount == right.byteCount else { return false }
    let end = left.byteCount
    var at = 0
    while at &+ 8 <= end {
        guard left.word(at: at) == right.word(at: at) else { return false }
        at &+= 8
    }
    while at < end {
        guard left.byte(at: at) == right.byte(at: at) else { return false }
        at &+= 1
    }
    return true
}

/// Whether `text` is a token (RFC 9110 section 5.6.2).
package func isToken(_ text: RawSpan) -> Bool {
    for offset in 0..<text.byteCount where !ByteClass.isToken(text.byte(at: offset)) { return false }
    return !text.isEmpty
}
