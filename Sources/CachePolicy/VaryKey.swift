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
        /// As `list`, and neither the order of the elements counts, since those with equal weight are equal (RFC 9110
        /// section 12.4.2), nor the case of what stands before a parameter's value.
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

    /// `,` and the element; a weight of 1 is left out.
    private func writeElement(_ element: Extent, bytes: RawSpan, into sink: inout ByteSink) {
        sink.append(",")
        var text = WeightedText(element)
        while let byte = text.next(in: bytes) { sink.append(byte) }
        if text.isQuoted { return }
        for suffix in [";q=1.000", ";q=1.00", ";q=1.0", ";q=1"] as [StaticString] {
            let length = suffix.utf8CodeUnitCount
            if sink.count >= length, equalIgnoringCase(sink.written.extracting(last: length), suffix) {
                sink.truncate(to: sink.count - length)
                break
            }
        }
    }

    private func order(_ bytes: RawSpan, _ left: Extent, _ right: Extent) -> Int {
        var leftText = WeightedText(left)
        var rightText = WeightedText(right)
        while true {
            let leftByte = leftText.next(in: bytes).map(Int.init) ?? -1
            let rightByte = rightText.next(in: bytes).map(Int.init) ?? -1
            if leftByte != rightByte { return leftByte - rightByte }
            if leftByte < 0 { return 0 }
        }
    }
}

/// The bytes of an element that count: names in lower case, but the value of a parameter as it is, since only who
/// defines the parameter can say what its case means (RFC 9110 section 5.6.6); no white space outside quotations.
private struct WeightedText {
    private var offset: Int
    private let end: Int
    private var isValue = false
    private(set) var isQuoted = false
    private var isEscaped = false

    init(_ element: Extent) {
        offset = element.lower
        end = element.upper
    }

    mutating func next(in bytes: RawSpan) -> UInt8? {
        while offset < end {
            let byte = bytes.byte(at: offset)
            offset += 1
            if isQuoted {
                readQuoted(byte)
                return byte
            }
            switch byte {
            case 0x20, 0x09: continue
            case UInt8(ascii: "\""): isQuoted = true
            case UInt8(ascii: "="): isValue = true
            case UInt8(ascii: ";"): isValue = false
            case 65...90 where !isValue: return byte | 0x20
            default: break
            }
            return byte
        }
        return nil
    }

    private mutating func readQuoted(_ byte: UInt8) {
        if isEscaped {
            isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
            isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
            isQuoted = false
        }
    }
}
