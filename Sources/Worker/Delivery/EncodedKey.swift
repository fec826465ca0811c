// The cache key of an encoded form: `E1 LF`, a letter for the coding, and the hash of the object's own key. Objects'
// keys begin with `M1`. Two objects with one hash would share a key: whose form it is, the form's header block says.

internal import CachePolicy

struct EncodedKey {
    private var text = InlineArray<20, UInt8>(repeating: UInt8(ascii: "\n"))

    init(_ coding: ContentCoding, of hash: UInt64) {
        text[0] = UInt8(ascii: "E")
        text[1] = UInt8(ascii: "1")
        text[3] =
            switch coding {
            case .gzip: UInt8(ascii: "g")
            case .br: UInt8(ascii: "b")
            case .zstd: UInt8(ascii: "z")
            case .identity, .other: UInt8(ascii: "-")
            }
        for place in 0..<16 {
            let digit = UInt8(truncatingIfNeeded: hash >> UInt64(60 - 4 * place) & 15)
            text[4 + place] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") - 10 + digit
        }
    }

    var bytes: RawSpan {
        @_lifetime(borrow self)
        borrowing get { unsafe text.span.bytes }
    }
}
