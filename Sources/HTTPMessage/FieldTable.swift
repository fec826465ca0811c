// The fields of one message head: where each name and value is, which names are known, and what must not be
// forwarded. It owns no bytes; all offsets are relative to the span that was parsed.

/// One field line.
@usableFromInline package struct FieldEntry: Sendable {
    /// Where the name is.
    @usableFromInline package var name: Extent
    /// Where the value is, without white space around it.
    @usableFromInline package var value: Extent
    /// The name's number, or `.other`.
    @usableFromInline package var field: KnownField
    /// The field is for this connection only (RFC 9110 section 7.6.1), repeats a framing field, or is one that the
    /// node writes itself: never copy it to the next message.
    @usableFromInline package var isDropped: Bool

    @inlinable
    package init(name: Extent, value: Extent, field: KnownField, isDropped: Bool = false) {
        self.name = name
        self.value = value
        self.field = field
        self.isDropped = isDropped
    }
}

/// How many lines there are and which names they have; apart from the lines, so that both can be changed at once.
@usableFromInline struct FieldTally {
    @usableFromInline var firstLine = InlineArray<64, UInt16>(repeating: 0)
    @usableFromInline var count = 0
    @usableFromInline var presence: FieldSet = []
    @usableFromInline var repeated: FieldSet = []
    @usableFromInline var droppedCount = 0

    init() {}

    mutating func removeAll() {
        count = 0
        presence = []
        repeated = []
        droppedCount = 0
    }

    /// Notes the line that comes next.
    @inline(__always)
    mutating func note(_ entry: FieldEntry) {
        let bit = entry.field.bit
        if !presence.intersects(bit) {
            presence.formUnion(bit)
            let raw = Int(entry.field.rawValue)
            firstLine[raw < 64 ? raw : 0] = UInt16(truncatingIfNeeded: count)
        } else {
            repeated.formUnion(bit)
        }
        if entry.isDropped { droppedCount &+= 1 }
        count &+= 1
    }
}

/// Field lines in order of arrival. Its capacity is fixed when it is made; nothing is allocated afterwards.
@usableFromInline package struct FieldTable: ~Copyable {
    @usableFromInline var entries: [FieldEntry]
    @usableFromInline var tally = FieldTally()
    /// How many field lines there are.
    @inlinable package var count: Int { tally.count }
    /// Which known names there are.
    @inlinable package var presence: FieldSet {
        @inline(__always) get { tally.presence }
    }
    /// The same of a table in its place, so that no caller copies the table to ask.
    package static func presence(of table: inout FieldTable) -> FieldSet { table.tally.presence }
    /// Which of the names with a bit of their own come more than once.
    @inlinable package var repeated: FieldSet { tally.repeated }
    /// How many of the lines are marked as dropped.
    @inlinable package var droppedCount: Int { tally.droppedCount }

    /// A table for at most `capacity` lines (at most 65,535). More are refused by the parser with 431.
    package init(capacity: Int) {
        entries = Array(
            repeating: FieldEntry(name: .empty, value: .empty, field: .other),
            count: Swift.min(Swift.max(capacity, 1), 65535)
        )
    }

    @inlinable package var capacity: Int { entries.count }
    package var isFull: Bool { count == entries.count }

    /// The line at `index`, which must be less than `count`.
    @inlinable
    package subscript(_ index: Int) -> FieldEntry { entries[index] }

    @inlinable @inline(__always)
    package func contains(_ field: KnownField) -> Bool {
        field.rawValue < 64 ? presence.intersects(field.bit) : index(of: field) != nil
    }

    @inlinable @inline(__always)
    package func containsAny(_ set: FieldSet) -> Bool { presence.intersects(set) }

    /// The first line of that name at or after `start`. Of names without a bit of their own, lines that were dropped
    /// do not count: Connection named them, so they were not meant for us.
    @inlinable
    package func index(of field: KnownField, from start: Int = 0) -> Int? {
        guard presence.intersects(field.bit) else { return nil }
        var index = field.rawValue < 64 ? Swift.max(start, Int(tally.firstLine[Int(field.rawValue)])) : start
        while index < count {
            if entries[index].field == field, field.rawValue < 64 || !entries[index].isDropped { return index }
            index &+= 1
        }
        return nil
    }

    /// The value of the first line of that name.
    @inlinable
    package func first(_ field: KnownField) -> Extent? {
        guard let index = index(of: field) else { return nil }
        return entries[index].value
    }

    /// The value of the only line of that name; nil if there is none or more than one.
    @inlinable
    package func only(_ field: KnownField) -> Extent? {
        guard let index = index(of: field) else { return nil }
        if field.rawValue < 64 {
            if repeated.intersects(field.bit) { return nil }
        } else if self.index(of: field, from: index &+ 1) != nil {
            return nil
        }
        return entries[index].value
    }

    /// How many lines of that name there are.
    package func occurrences(of field: KnownField) -> Int {
        var found = 0
        var next = index(of: field)
        while let index = next {
            found += 1
            next = self.index(of: field, from: index + 1)
        }
        return found
    }

    /// The first line at or after `start` whose name is `name` without regard to case. `head` holds the table's bytes.
    package func index(named name: RawSpan, in head: RawSpan, from start: Int = 0) -> Int? {
        let known = KnownField.recognise(name)
        if known != .other { return index(of: known, from: start) }
        var index = start
        while index < count {
            let entry = entries[index]
            if entry.field == .other, !entry.isDropped, equalIgnoringCase(head.slice(entry.name), name) { return index }
            index += 1
        }
        return nil
    }

    /// Empties the table.
    package mutating func removeAll() {
        tally.removeAll()
    }

    /// Adds a line; false when the table is full.
    package mutating func append(_ entry: FieldEntry) -> Bool {
        guard count < entries.count else { return false }
        entries[count] = entry
        tally.note(entry)
        return true
    }

    /// Marks the line as one that is not forwarded.
    package mutating func drop(at index: Int) {
        guard !entries[index].isDropped else { return }
        entries[index].isDropped = true
        tally.droppedCount += 1
    }

    /// Makes a name look absent, where it has a bit of its own: Connection named it, so it was not meant for us.
    mutating func hide(_ field: KnownField) {
        if field.rawValue < 64 { tally.presence.subtract(field.bit) }
    }

    /// Marks all lines of that name as not forwarded.
    package mutating func dropAll(_ field: KnownField) {
        var next = index(of: field)
        while let index = next {
            drop(at: index)
            next = self.index(of: field, from: index + 1)
        }
    }
}
