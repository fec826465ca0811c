// The owner's side of a fill. Dropping the permit without finishing abandons the fill; there is no other way out.

/// The right and duty to fetch one object for every process.
public struct FillPermit: ~Copyable {
    /// The purge clock read before the origin request; anything purged later makes the commit fail.
    public var born: UInt32 { fatalError("being written") }
    /// Bytes of the body appended so far (by a dead predecessor too).
    public var bytesReady: Int { fatalError("being written") }
    /// Whether other readers, of any process, hang on this fill.
    public var hasReaders: Bool { fatalError("being written") }
    /// Whether a head was set (by a dead predecessor too).
    public var hasHead: Bool { fatalError("being written") }

    /// A reader of this fill, for the owner's own client.
    public borrowing func ticket() -> FillTicket { fatalError("being written") }

    /// Publishes the head to all readers. `tags` are hashes of the purge tags, at most 64; include the host's.
    /// `expectedBodyLength` lets an object that is too large be declined at once.
    public mutating func setHead(
        _ header: RawSpan, attributes: ItemAttributes, tags: Span<UInt64>, expectedBodyLength: Int?
    ) -> AppendOutcome { fatalError("being written") }

    /// Appends body bytes, any amount. Wakes other processes' readers at most every 64 KiB or 2 ms.
    public mutating func append(_ bytes: RawSpan) -> AppendOutcome { fatalError("being written") }

    /// Wakes readers that have not been told of all bytes yet. For the end of the owner's loop turn.
    public mutating func flush() { fatalError("being written") }

    /// Says that the body is whole; readers can be served to the end from here on. Then `finish` until it does not
    /// answer `.again`.
    public mutating func complete() { fatalError("being written") }

    /// One step of compressing, packing and committing, about `budgetBytes` of body long. Implies `complete()`.
    public mutating func finish(budgetBytes: Int) -> FinishOutcome { fatalError("being written") }

    /// Instead of a body: stores a new head in front of the body of an existing object of the same key (after a 304).
    public mutating func freshen(
        _ old: borrowing ItemView, header: RawSpan, attributes: ItemAttributes, tags: Span<UInt64>
    ) -> FinishOutcome { fatalError("being written") }

    /// Ends the fill. With `.pass` and `markerSeconds` above 0 a short note remains under the key (`ItemView.isPassMarker`).
    public consuming func fail(_ reason: FillFailure, markerSeconds: Int = 0) { fatalError("being written") }
}
