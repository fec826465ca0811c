// Writes Vary records. A record's generation is kept as long as its names are enough; names only come to it.

package import HTTPMessage

extension VaryRecord {
    /// Writes the record that the URL of this answer needs, given the one it has (or nil).
    ///
    /// A record that names more fields than the answer does is left so: each variant's key holds at least the fields of
    /// its own Vary. One that lacks some gets them beside those it has, so that answers which disagree about Vary,
    /// as those of errors and of cross-origin requests do, come to one list.
    ///
    /// - Parameters:
    ///   - responseBytes, responseFields: the answer's span and fields.
    ///   - asked: the codings the request to the origin accepted; `chosen`: the one that came.
    ///   - isNewVariant: nothing was stored under the variant key so far; counts towards the cap.
    ///   - freshUntilSeconds: when the answer expires, Unix seconds.
    ///   - randomGeneration: any random number; used when the record is new.
    /// - Returns: what to do and the record's length (also for `.keep`); nil when the answer must be passed
    ///   (`PassReason.varyStar`, `.varyTooComplex`).
    package static func encode(
        responseBytes: RawSpan, responseFields: borrowing FieldTable, asked: CodingSet, chosen: ContentCoding,
        current: VaryRecord?, isNewVariant: Bool = true, freshUntilSeconds: UInt32 = 0, randomGeneration: UInt64,
        settings: PolicySettings, into buffer: inout MutableRawSpan
    ) -> (change: Change, count: Int)? {
        guard buffer.byteCount >= maximumBytes else { return nil }
        var names = VaryNames()
        guard names.collect(bytes: responseBytes, fields: responseFields) else { return nil }
        var sink = ByteSink(buffer._mutatingExtracting(headerBytes...))
        var count = names.count
        var refused = asked.intersection(.all).subtracting(CodingSet(chosen))
        var change = Change.replace
        var generation = randomGeneration
        var variants: UInt16 = 1
        var freshUntil = freshUntilSeconds
        // One that is full starts anew with what this answer needs.
        if let current, !isNewVariant || current.variantCount < settings.maximumVariants {
            if current.covers(bytes: responseBytes, fields: responseFields) {
                sink.append(current.names)
                count = current.fieldCount
                // A coding the origin has chosen once is never left out of a key again; one it did not choose is.
                if !names.namesCodings(responseBytes) { refused = [] }
                refused = current.refusedCodings.union(refused).subtracting(CodingSet(chosen))
                generation = current.generation
                variants = current.variantCount &+ (isNewVariant ? 1 : 0)
                freshUntil = max(freshUntil, current.freshUntilSeconds)
                change = freshUntil == current.freshUntilSeconds ? .keep : .extend
                if refused != current.refusedCodings || isNewVariant { change = .update }
            } else if let both = names.write(with: current, bytes: responseBytes, into: &sink) {
                count = both
            } else {
                sink.truncate(to: 0)
            }
        }
        if sink.count == 0 {
            for index in 0..<names.count { names.write(index, bytes: responseBytes, into: &sink) }
        }
        guard !sink.overflowed else { return nil }
        let nameBytes = sink.count
        buffer.storeBytes(of: StoredKind.varyRecord.rawValue, toByteOffset: 0, as: UInt8.self)
        buffer.storeBytes(of: refused.rawValue, toByteOffset: 1, as: UInt8.self)
        buffer.storeBytes(of: UInt16(count).littleEndian, toByteOffset: 2, as: UInt16.self)
        buffer.storeBytes(of: variants.littleEndian, toByteOffset: 4, as: UInt16.self)
        buffer.storeBytes(of: UInt16(nameBytes).littleEndian, toByteOffset: 6, as: UInt16.self)
        buffer.storeBytes(of: generation.littleEndian, toByteOffset: 8, as: UInt64.self)
        storeFreshness(freshUntil, at: headerBytes + nameBytes, into: &buffer)
        return (change, headerBytes + nameBytes + freshnessBytes)
    }

    /// Writes the record once more, good for longer. Its length; nil where that is no news.
    package func encodeExtended(until seconds: UInt32, into buffer: inout MutableRawSpan) -> Int? {
        guard seconds > freshUntilSeconds, buffer.byteCount >= VaryRecord.maximumBytes else { return nil }
        var sink = ByteSink(buffer._mutatingExtracting(0...))
        sink.append(block.extracting(0..<byteCount))
        VaryRecord.storeFreshness(seconds, at: byteCount, into: &buffer)
        return byteCount + VaryRecord.freshnessBytes
    }

    private static func storeFreshness(_ seconds: UInt32, at offset: Int, into buffer: inout MutableRawSpan) {
        buffer.storeBytes(of: seconds.littleEndian, toByteOffset: offset, as: UInt32.self)
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
        VaryNames.write(bytes.slice(extents[index]), into: &sink)
    }

    private static func write(_ name: RawSpan, into sink: inout ByteSink) {
        sink.append(UInt8(name.byteCount))
        for offset in 0..<name.byteCount { sink.append(lower(name.byte(at: offset))) }
    }

    /// Writes these names and those of a record, merged. How many they are; nil when that is too many.
    func write(with record: VaryRecord, bytes: RawSpan, into sink: inout ByteSink) -> Int? {
        var walker = VaryNameWalker()
        var total = 0
        var index = 0
        let recorded = record.names
        var other = walker.next(in: recorded)
        while total < VaryRecord.maximumFields {
            guard let extent = other else {
                guard index < count else { return total }
                write(index, bytes: bytes, into: &sink)
                index += 1
                total += 1
                continue
            }
            let name = recorded.slice(extent)
            let order = index < count ? VaryNames.order(bytes.slice(extents[index]), name) : 1
            if order < 0 {
                write(index, bytes: bytes, into: &sink)
            } else {
                VaryNames.write(name, into: &sink)
                other = walker.next(in: recorded)
            }
            if order <= 0 { index += 1 }
            total += 1
        }
        return other == nil && index == count ? total : nil
    }

    /// Whether Accept-Encoding is among them.
    func namesCodings(_ bytes: RawSpan) -> Bool {
        (0..<count).contains { KnownField.recognise(bytes.slice(extents[$0])) == .acceptEncoding }
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
