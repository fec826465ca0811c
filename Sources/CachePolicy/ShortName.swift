// A name of at most 32 bytes held inline, so that settings can carry one without a reference. The target's one unsafe
// expression is here: every answer bears the name twice, and byte by byte it cost a tenth of a hit's head.

package import HTTPMessage

/// The node's pseudonym in `Via` and `Cache-Status`: an sf-token of at most 32 bytes.
package struct ShortName: Sendable {
    private var storage: InlineArray<32, UInt8>
    private var length: UInt8
    /// What stands between the age and the remaining freshness in the head of a hit, ready to be copied at once.
    private var hitText: InlineArray<104, UInt8>
    private var hitLength: UInt8

    /// Nil when `text` is empty, longer than 32 bytes, or not a token that starts with a letter or `*` (RFC 9651
    /// section 3.3.4, which `Cache-Status` needs) made only of characters that `Via` allows too.
    package init?(_ text: String) {
        let utf8 = Array(text.utf8)
        guard let first = utf8.first, utf8.count <= 32, ShortName.isLetter(first) else { return nil }
        storage = InlineArray(repeating: 0)
        for (index, byte) in utf8.enumerated() {
            guard ShortName.isLetter(byte) || (byte >= 48 && byte <= 57) || byte == 45 || byte == 46 || byte == 95
            else { return nil }
            storage[index] = byte
        }
        length = UInt8(utf8.count)
        hitText = InlineArray(repeating: 0)
        hitLength = 0
        for part in ["\r\nVia: 1.1 ", text, "\r\nCache-Status: ", text, "; hit; ttl="] {
            for byte in part.utf8 {
                hitText[Int(hitLength)] = byte
                hitLength += 1
            }
        }
    }

    /// `martlet`.
    package static var standard: ShortName {
        guard let name = ShortName("martlet") else { preconditionFailure("the standard name is a token") }
        return name
    }

    /// Writes the end of the Age line, Via, and Cache-Status up to the remaining freshness.
    @inline(__always)
    func writeHit(receivedAs10: Bool, into sink: inout ByteSink) {
        if receivedAs10 { return writeHitOf10(into: &sink) }
        sink.append(unsafe hitText.span.bytes.extracting(0..<Int(hitLength)))
    }

    @inline(never)
    private func writeHitOf10(into sink: inout ByteSink) {
        sink.append("\r\nVia: 1.0 ")
        write(into: &sink)
        sink.append("\r\nCache-Status: ")
        write(into: &sink)
        sink.append("; hit; ttl=")
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (byte | 0x20) >= 97 && (byte | 0x20) <= 122
    }

    /// Writes the name.
    package func write(into sink: inout ByteSink) {
        sink.append(unsafe storage.span.bytes.extracting(0..<Int(length)))
    }
}
