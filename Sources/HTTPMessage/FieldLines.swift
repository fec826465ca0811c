// Field lines (RFC 9112 section 5) from bytes to the table, line by line; shared by requests, responses and
// trailers. What a field means is not decided here.

/// How far a field section has got.
enum SectionProgress: Equatable {
    /// The bytes end inside a line.
    case needMore
    /// The empty line was there; `position` is behind it.
    case complete
    case rejected(Rejection)
}

/// What a look for something in a line came to: a place, or why there is none.
enum LineScan {
    case found(Int)
    case needMore
    case rejected(Rejection)
}

enum FieldLines {
    /// Parses lines from `position` on, which is moved behind each complete line.
    static func parse(
        _ bytes: RawSpan, _ position: inout Int, into fields: inout FieldTable, nameLimit: Int
    ) -> SectionProgress {
        parse(bytes, &position, &fields.entries, &fields.tally, nameLimit)
    }

    /// Table and index apart: the lines are then written without a check for uniqueness each time.
    private static func parse(
        _ bytes: RawSpan, _ position: inout Int, _ lines: inout [FieldEntry], _ tally: inout FieldTally,
        _ nameLimit: Int
    ) -> SectionProgress {
        let end = bytes.byteCount
        var entries = lines.mutableSpan
        while position < end {
            let start = position
            let first = bytes.byte(at: start)
            if first <= 0x20 { return parseBlank(bytes, &position, first) }

            let colon: Int
            switch findColon(bytes, start, nameLimit) {
            case .found(let place): colon = place
            case .needMore: return .needMore
            case .rejected(let reason): return .rejected(reason)
            }
            let field = KnownField.recognise(bytes, start, colon &- start)
            var isDropped = false
            if field == .other {
                switch checkName(bytes, start, colon) {
                case .valid: break
                case .dropped: isDropped = true
                case .rejected(let reason): return .rejected(reason)
                }
            }

            var valueStart = colon &+ 1
            while valueStart < end, ByteClass.isBlank(bytes.byte(at: valueStart)) { valueStart &+= 1 }
            let lineEnd = endOfValue(bytes, valueStart)
            guard lineEnd &+ 1 < end else {
                if lineEnd < end, bytes.byte(at: lineEnd) != 0x0D {
                    return .rejected(misplaced(bytes.byte(at: lineEnd)))
                }
                return .needMore
            }
            guard bytes.pair(at: lineEnd) == 0x0A0D else { return .rejected(misplaced(bytes.byte(at: lineEnd))) }
            var valueEnd = lineEnd
            while valueEnd > valueStart, ByteClass.isBlank(bytes.byte(at: valueEnd &- 1)) { valueEnd &-= 1 }

            let entry = FieldEntry(
                name: Extent(start: start, end: colon), value: Extent(start: valueStart, end: valueEnd), field: field,
                isDropped: isDropped
            )
            guard tally.count < entries.count else { return .rejected(.tooManyFields) }
            entries[tally.count] = entry
            tally.note(entry)
            position = lineEnd &+ 2
        }
        return .needMore
    }

    /// A line whose first byte is white space or a control character: the end of the section or an error.
    private static func parseBlank(_ bytes: RawSpan, _ position: inout Int, _ first: UInt8) -> SectionProgress {
        switch first {
        case 0x0D:
            guard position &+ 1 < bytes.byteCount else { return .needMore }
            guard bytes.byte(at: position &+ 1) == 0x0A else { return .rejected(.malformedField) }
            position &+= 2
            return .complete
        case 0x0A: return .rejected(.bareLineFeed)
        case 0x20, 0x09: return .rejected(.foldedField)
        default: return .rejected(.invalidFieldName)
        }
    }

    /// The reason for a byte that ends a value but is no line end.
    private static func misplaced(_ byte: UInt8) -> Rejection {
        byte == 0x0A ? .bareLineFeed : .invalidFieldValue
    }

    /// The colon of the line at `start`. Bytes before it are not checked here, unless there is no colon near.
    @inline(__always)
    private static func findColon(_ bytes: RawSpan, _ start: Int, _ limit: Int) -> LineScan {
        var at = start
        while at &+ 8 <= bytes.byteCount, at &- start <= limit {
            let mask = Words.equal(bytes.word(at: at), Words.all(0x3A))
            if mask != 0 {
                let colon = at &+ Words.first(mask)
                return colon &- start <= limit ? .found(colon) : .rejected(.fieldNameTooLong)
            }
            at &+= 8
        }
        return findColonSlowly(bytes, start, limit)
    }

    /// Byte by byte, with the reason where there is no colon.
    @inline(never)
    private static func findColonSlowly(_ bytes: RawSpan, _ start: Int, _ limit: Int) -> LineScan {
        var at = start
        while at < bytes.byteCount {
            let byte = bytes.byte(at: at)
            if byte == 0x3A { return .found(at) }
            if !ByteClass.isToken(byte) { return .rejected(nameRejection(byte)) }
            at &+= 1
            if at &- start > limit { return .rejected(.fieldNameTooLong) }
        }
        return .needMore
    }

    private static func nameRejection(_ byte: UInt8) -> Rejection {
        switch byte {
        case 0x20, 0x09, 0x0D: .malformedField
        case 0x0A: .bareLineFeed
        default: .invalidFieldName
        }
    }

    private enum NameCheck {
        case valid, dropped
        case rejected(Rejection)
    }

    /// Checks a name that is not known. An underscore for a hyphen in a known name is read as that name by gateways
    /// that turn fields into variables: framing names are refused, others not forwarded.
    private static func checkName(_ bytes: RawSpan, _ start: Int, _ colon: Int) -> NameCheck {
        guard colon > start else { return .rejected(.malformedField) }
        var at = start
        var underscores = false
        while at < colon {
            let byte = bytes.byte(at: at)
            guard ByteClass.isToken(byte) else { return .rejected(nameRejection(byte)) }
            if byte == 0x5F { underscores = true }
            at &+= 1
        }
        guard underscores else { return .valid }
        let lookalike = KnownField.recognise(bytes, start, colon &- start, underscores: true)
        if lookalike == .contentLength || lookalike == .transferEncoding { return .rejected(.ambiguousFieldName) }
        return lookalike == .other ? .valid : .dropped
    }

    /// The first byte at or after `start` that cannot be part of a value, or the end of the bytes.
    @inline(__always)
    static func endOfValue(_ bytes: RawSpan, _ start: Int) -> Int {
        var at = start
        let end = bytes.byteCount
        while at &+ 8 <= end {
            let mask = Words.controls(bytes.word(at: at))
            if mask == 0 {
                at &+= 8
                continue
            }
            at &+= Words.first(mask)
            guard bytes.byte(at: at) == 0x09 else { return at }
            at &+= 1
        }
        while at < end, ByteClass.of(bytes.byte(at: at)) & ByteClass.value != 0 { at &+= 1 }
        return at
    }
}
