// Which stored answers the node may encode by itself, told from the answer's fields once, when it is stored. Sizes are
// looked at later, when the body is there.

import HTTPMessage

package enum Encodable {
    /// Shorter bodies gain too little.
    package static let smallestBytes = 512
    /// Longer ones would take too long.
    package static let largestBytes = 4 << 20

    /// Whether an encoded form of that size is worth keeping: a tenth, and more than the fields that it adds.
    package static func isWorthKeeping(encodedBytes: Int, of bytes: Int) -> Bool {
        encodedBytes > 0 && encodedBytes + max(bytes / 10, 128) <= bytes
    }

    /// A whole 200 of text in no coding, without `no-transform`, and without a field that speaks of the very bytes of
    /// the message.
    static func mayEncode(
        bytes: RawSpan, fields: borrowing FieldTable, facts: ResponseFacts, flags: StoredFlags
    ) -> Bool {
        guard facts.status == 200, facts.coding == .identity, flags.isDisjoint(with: [.noTransform, .isPartial]),
            let type = fields.only(.contentType), isText(bytes.slice(type)),
            fields.occurrences(of: .etag) <= 1, fields.occurrences(of: .lastModified) <= 1
        else { return false }
        for index in 0..<fields.count where !fields[index].isDropped {
            switch fields[index].field {
            case .contentEncoding, .contentRange, .contentMd5, .contentDigest, .reprDigest: return false
            case .other: if equalIgnoringCase(bytes.slice(fields[index].name), "digest") { return false }
            case .cacheControl: if saysNoTransform(fields[index].value, bytes: bytes) { return false }
            default: break
            }
        }
        return true
    }

    /// Whether the origin's Vary names Accept-Encoding.
    static func varyNamesCoding(bytes: RawSpan, fields: borrowing FieldTable) -> Bool {
        var next = fields.index(of: .vary)
        while let index = next {
            var walker = ListWalker(fields[index].value)
            while let element = walker.next(in: bytes) {
                if equalIgnoringCase(bytes.slice(element), "accept-encoding") { return true }
            }
            next = fields.index(of: .vary, from: index + 1)
        }
        return false
    }

    /// It binds whoever transforms, whichever field tells this cache how long to keep the answer.
    private static func saysNoTransform(_ value: Extent, bytes: RawSpan) -> Bool {
        var walker = DirectiveWalker(value)
        while let directive = walker.next(in: bytes) {
            if ResponseDirectiveName(bytes.slice(directive.name)) == .noTransform { return true }
        }
        return false
    }

    /// Media types that compress well and are read whole: not event streams.
    static func isText(_ contentType: RawSpan) -> Bool {
        var end = 0
        while end < contentType.byteCount, !endsType(contentType.byte(at: end)) { end += 1 }
        let type = contentType.extracting(first: end)
        if starts(type, with: "text/") { return !equalIgnoringCase(type, "text/event-stream") }
        if ends(type, with: "+json") || ends(type, with: "+xml") { return true }
        guard starts(type, with: "application/") else { return false }
        let name = type.extracting(12...)
        for known in [
            "javascript", "json", "xml", "wasm", "x-javascript", "ecmascript", "graphql", "x-ndjson",
        ] as [StaticString] where equalIgnoringCase(name, known) { return true }
        return false
    }

    private static func endsType(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ";") || byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }

    private static func starts(_ text: RawSpan, with prefix: StaticString) -> Bool {
        let count = prefix.utf8CodeUnitCount
        return text.byteCount > count && equalIgnoringCase(text.extracting(first: count), prefix)
    }

    private static func ends(_ text: RawSpan, with suffix: StaticString) -> Bool {
        let count = suffix.utf8CodeUnitCount
        return text.byteCount > count && equalIgnoringCase(text.extracting(last: count), suffix)
    }
}

extension StoredHead {
    /// Whether clients that accept it may get this object in a coding that the node chose: then all its answers say so
    /// in Vary. `length` is the object's; nil while unknown.
    @inline(__always)
    package func mayBeEncoded(length: UInt64?, settings: borrowing PolicySettings) -> Bool {
        guard flags.contains(.encodable), let length else { return false }
        return length >= UInt64(Encodable.smallestBytes) && length <= UInt64(Encodable.largestBytes)
            && !settings.encodedCodings.isEmpty
    }
}
