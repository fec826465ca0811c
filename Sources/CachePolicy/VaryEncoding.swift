// Writes Vary records: the names sorted and unique, the generation kept as long as the names stay the same.

package import HTTPMessage

extension VaryRecord {
    /// Writes the record that the URL of this answer needs, given the one it has (or nil).
    ///
    /// - Parameters:
    ///   - responseBytes, responseFields: the answer's span and fields.
    ///   - asked: the codings the request to the origin accepted; `chosen`: the one that came.
    ///   - isNewVariant: nothing was stored under the variant key so far; counts towards the cap.
    ///   - randomGeneration: any random number; used when the record is new.
    /// - Returns: what to do and the record's length (also for `.keep`); nil when the answer must be passed
    ///   (`PassReason.varyStar`, `.varyTooComplex`).
    package static func encode(
        responseBytes: RawSpan, responseFields: borrowing FieldTable, asked: CodingSet, chosen: ContentCoding,
        current: VaryRecord?, isNewVariant: Bool = true, randomGeneration: UInt64, settings: PolicySettings,
        into buffer: inout MutableRawSpan
    ) -> (change: Change, count: Int)? {
        guard buffer.byteCount >= maximumBytes else { return nil }
        var names = VaryNames()
        guard names.collect(bytes: responseBytes, fields: responseFields) else { return nil }
        var sink = ByteSink(buffer._mutatingExtracting(headerBytes...))
        for index in 0..<names.count { names.write(index, bytes: responseBytes, into: &sink) }
        guard !sink.overflowed else { return nil }
        let nameBytes = sink.count
        var refused = asked.intersection(.all).subtracting(CodingSet(chosen))
        var change = Change.replace
        var generation = randomGeneration
        var variants: UInt16 = 1
        if let current, equalBytes(current.names, sink.written),
            !isNewVariant || current.variantCount < settings.maximumVariants
        {
            // A coding the origin has chosen once is never left out of a key again; one it did not choose is.
            refused = current.refusedCodings.union(refused).subtracting(CodingSet(chosen))
            generation = current.generation
            variants = current.variantCount &+ (isNewVariant ? 1 : 0)
            change = refused == current.refusedCodings && !isNewVariant ? .keep : .update
        }
        buffer.storeBytes(of: StoredKind.varyRecord.rawValue, toByteOffset: 0, as: UInt8.self)
        buffer.storeBytes(of: refused.rawValue, toByteOffset: 1, as: UInt8.self)
        buffer.storeBytes(of: UInt16(names.count).littleEndian, toByteOffset: 2, as: UInt16.self)
        buffer.storeBytes(of: variants.littleEndian, toByteOffset: 4, as: UInt16.self)
        buffer.storeBytes(of: UInt16(nameBytes).littleEndian, toByteOffset: 6, as: UInt16.self)
        buffer.storeBytes(of: generation.littleEndian, toByteOffset: 8, as: UInt64.self)
        return (change, headerBytes + nameBytes)
    }
}

/// The names of all Vary lines, sorted without regard to case and without repetition.
private struct VaryNames {
    var count = 0
    private var extents = InlineArray<16, Extent>(repeating: .empty)

    /// False for `*`, for too many names, and for what is not a plain name.
    mutating func collect(bytes: RawSpan, fields: borrowing FieldTable) -> Bool {
        var next = fields.index(of: .vary)
        while let index = next {
            var walker = ListWalker(fields[index].value)
            while let element = walker.next(in: bytes) {
                guard element.length <= VaryRecord.maximumNameBytes, isName(bytes.slice(element)),
                    insert(element, bytes: bytes)
                else { return false }
            }
            next = fields.index(of: .vary, from: index + 1)
        }
        return count > 0
    }

    private func isName(_ text: RawSpan) -> Bool {
        if text.byteCount == 1, text.byte(at: 0) == UInt8(ascii: "*") { return false }
        return isToken(text)
    }

    private mutating func insert(_ element: Extent, bytes: RawSpan) -> Bool {
        var place = count
        while place > 0 {
            let order = VaryNames.order(bytes.slice(element), bytes.slice(extents[place - 1]))
            if order == 0 { return true }
            if order > 0 { break }
            place -= 1
        }
        guard count < VaryRecord.maximumFields else { return false }
        var index = count
        while index > place {
            extents[index] = extents[index - 1]
            index -= 1
        }
        extents[place] = element
        count += 1
        return true
    }

    func write(_ index: Int, bytes: RawSpan, into sink: inout ByteSink) {
        let name = bytes.slice(extents[index])
        sink.append(UInt8(name.byteCount))
        for offset in 0..<name.byteCount { sink.append(VaryNames.lower(name.byte(at: offset))) }
    }

    private static func order(_ left: RawSpan, _ right: RawSpan) -> Int {
        for offset in 0..<min(left.byteCount, right.byteCount) {
            let difference = Int(lower(left.byte(at: offset))) - Int(lower(right.byte(at: offset)))
            if difference != 0 { return difference }
        }
        return left.byteCount - right.byteCount
    }

    private static func lower(_ byte: UInt8) -> UInt8 { byte >= 65 && byte <= 90 ? byte | 0x20 : byte }
}
