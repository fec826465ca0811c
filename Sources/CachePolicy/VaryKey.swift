// Variant keys: the base key, the record's generation and the normalised values of the fields that select (RFC 9111
// section 4.1).
//
// Text: the base key, `LF v <16 hex digits>`, and per field `LF name` with `:value` if the request has the field.

package import HTTPMessage

extension VaryRecord {
    /// Writes the variant key of a request.
    ///
    /// - Parameter base: the base key's text.
    /// - Returns: false when it does not fit: pass.
    package func writeKey(
        base: RawSpan, requestBytes: RawSpan, requestFields: borrowing FieldTable, into sink: inout ByteSink
    ) -> Bool {
        sink.append(base)
        sink.append("\nv")
        for shift in stride(from: 60 as UInt64, through: 0, by: -4) {
            let digit = UInt8(truncatingIfNeeded: (generation >> shift) & 15)
            sink.append(digit < 10 ? 48 + digit : 87 + digit)
        }
        var walker = VaryNameWalker()
        let names = names
        while let extent = walker.next(in: names) {
            let name = names.slice(extent)
            sink.append("\n")
            sink.append(name)
            let field = KnownField.recognise(name)
            if field == .acceptEncoding {
                // Only what the origin ever chooses tells requests apart.
                sink.append(":")
                CodingSet(accepting: requestFields, bytes: requestBytes).subtracting(refusedCodings)
                    .writeValue(into: &sink)
            } else if let first = requestFields.index(named: name, in: requestBytes) {
                sink.append(":")
                FieldValueNormaliser(field: field).write(
                    name: name, first: first, bytes: requestBytes, fields: requestFields, into: &sink
                )
            }
        }
        return !sink.overflowed
    }
}

/// One request field's value in a form that is the same for requests that mean the same.
struct FieldValueNormaliser {
    private enum Form {
        /// Every byte counts.
        case exact
        /// Lines are joined, and white space around commas does not count (RFC 9110 section 5.6.1).
        case list
        /// As `list`, and neither case nor order of the elements counts: those with equal weight are equal
        /// (RFC 9110 section 12.4.2).
        case weighted
    }

    private let form: Form

    init(field: KnownField) {
        switch field {
        case .acceptLanguage, .acceptCharset, .accept: form = .weighted
        // Their commas are not list separators, or nobody knows.
        case .cookie, .authorization, .userAgent, .referer, .ifModifiedSince, .date: form = .exact
        default: form = .list
        }
    }

    func write(
        name: RawSpan, first: Int, bytes: RawSpan, fields: borrowing FieldTable, into sink: inout ByteSink
    ) {
        if form == .weighted {
            return writeWeighted(name: name, first: first, bytes: bytes, fields: fields, into: &sink)
        }
        var next: Int? = first
        var isFirst = true
        while let index = next {
            if form == .exact {
                if !isFirst { sink.append(",") }
                sink.append(fields[index].value, of: bytes)
                isFirst = false
            } else {
                var walker = ListWalker(fields[index].value)
                while let element = walker.next(in: bytes) {
                    if !isFirst { sink.append(",") }
                    sink.append(element, of: bytes)
                    isFirst = false
                }
            }
            next = fields.index(named: name, in: bytes, from: index + 1)
        }
    }

    /// Sorts by text; more elements than fit are written as they come, which costs a hit and nothing else.
    private func writeWeighted(
        name: RawSpan, first: Int, bytes: RawSpan, fields: borrowing FieldTable, into sink: inout ByteSink
    ) {
        var elements = InlineArray<32, Extent>(repeating: .empty)
        var count = 0
        var next: Int? = first
        while let index = next {
            var walker = ListWalker(fields[index].value)
            while let element = walker.next(in: bytes) {
                guard count < 32 else {
                    writeElement(element, bytes: bytes, into: &sink)
                    continue
                }
                var place = count
                while place > 0, order(bytes, element, elements[place - 1]) < 0 {
                    elements[place] = elements[place - 1]
                    place -= 1
                }
                elements[place] = element
                count += 1
            }
            next = fields.index(named: name, in: bytes, from: index + 1)
        }
        for index in 0..<count { writeElement(elements[index], bytes: bytes, into: &sink) }
    }

    /// `,` and the element in lower case without white space; a weight of 1 is left out.
    private func writeElement(_ element: Extent, bytes: RawSpan, into sink: inout ByteSink) {
        sink.append(",")
        for offset in element.range {
            let byte = bytes.byte(at: offset)
            if byte != 0x20, byte != 0x09 { sink.append(byte >= 65 && byte <= 90 ? byte | 0x20 : byte) }
        }
        for suffix in [";q=1.000", ";q=1.00", ";q=1.0", ";q=1"] as [StaticString] {
            let length = suffix.utf8CodeUnitCount
            if sink.count >= length, equalIgnoringCase(sink.written.extracting(last: length), suffix) {
                sink.truncate(to: sink.count - length)
                break
            }
        }
    }

    private func order(_ bytes: RawSpan, _ left: Extent, _ right: Extent) -> Int {
        var leftOffset = left.lower
        var rightOffset = right.lower
        while true {
            let leftByte = nextByte(bytes, &leftOffset, left.upper)
            let rightByte = nextByte(bytes, &rightOffset, right.upper)
            if leftByte != rightByte { return leftByte - rightByte }
            if leftByte < 0 { return 0 }
        }
    }

    /// The next byte that counts, in lower case; -1 at the end.
    private func nextByte(_ bytes: RawSpan, _ offset: inout Int, _ end: Int) -> Int {
        while offset < end {
            let byte = bytes.byte(at: offset)
            offset += 1
            if byte != 0x20, byte != 0x09 { return Int(byte >= 65 && byte <= 90 ? byte | 0x20 : byte) }
        }
        return -1
    }
}
