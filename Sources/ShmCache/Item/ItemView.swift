// A stored object as seen during one loop turn (or under a pin): borrowed bytes of the mapping. Never outlives the turn.

/// A stored object. The view borrows its lane: it cannot survive `endTurn()`.
@safe
public struct ItemView: ~Escapable {
    let lane: UnsafeRawPointer

    @_lifetime(borrow lane)
    init(unsafeLane lane: borrowing Lane) {
        fatalError("being written")
    }

    /// The key text, equal to the one looked up.
    public var key: RawSpan {
        @_lifetime(copy self)
        get { fatalError("being written") }
    }
    /// What the cache knows about the object.
    public var attributes: ItemAttributes { fatalError("being written") }
    /// The purge clock when the object's origin request began.
    public var born: UInt32 { fatalError("being written") }
    /// A soft purge covers the object: it may be revalidated or served stale, never served as fresh.
    public var isSoftlyPurged: Bool { fatalError("being written") }
    /// Not an object but a note left by `FillPermit.fail(.pass, markerSeconds:)`: requests for this key should go to
    /// the origin in parallel. Check `attributes.expiresSeconds`.
    public var isPassMarker: Bool { fatalError("being written") }
    /// The caller's header block.
    public var header: RawSpan {
        @_lifetime(copy self)
        get { fatalError("being written") }
    }
    /// Bytes of the body as the caller appended them.
    public var bodyLength: Int { fatalError("being written") }
    /// Bytes of the body as stored.
    public var storedBodyLength: Int { fatalError("being written") }

    /// The stored bytes that hold the body from `offset` on: a run of raw bytes that starts exactly there, or the
    /// compressed chunk that contains it.
    @_lifetime(copy self)
    public func bodyPiece(at offset: Int) -> BodyPiece { fatalError("being written") }
}

/// Where a part of a body is.
public enum BodyPiece: ~Escapable {
    /// Mapped bytes of the body, starting at the offset asked for. Send them or copy them within the turn.
    case raw(RawSpan)
    /// A compressed chunk that contains the offset.
    case compressed(CompressedChunk)
    /// These bytes are gone (evicted meanwhile): fetch the range or give up.
    case missing(Range<Int>)
    /// The offset is at or beyond the end.
    case end
}

/// One compressed chunk of a body.
public struct CompressedChunk: ~Escapable {
    /// The compressed bytes.
    public let stored: RawSpan
    /// The body range that the chunk holds.
    public let bodyOffset: Int
    /// Raw bytes of the chunk, at most the region's `chunkSizeBytes`.
    public let rawLength: Int

    @_lifetime(copy stored)
    init(stored: RawSpan, bodyOffset: Int, rawLength: Int) {
        self.stored = stored
        self.bodyOffset = bodyOffset
        self.rawLength = rawLength
    }

    /// Decodes the whole chunk to the start of `output`, which must hold `rawLength` bytes. False means damage: treat
    /// the object as missing.
    public func decode(into output: inout MutableRawSpan) -> Bool { fatalError("being written") }
}
