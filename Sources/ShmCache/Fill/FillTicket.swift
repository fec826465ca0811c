// A reader's side of a fill, in any process. Reading never blocks and never changes the fill.

/// A reader of a running fill. Its bytes stay in place until it is dropped, also after the commit.
public struct FillTicket: ~Copyable {
    /// How far the fill is.
    public var phase: FillPhase { fatalError("being written") }
    /// Bytes of the body that can be read.
    public var bytesReady: Int { fatalError("being written") }
    /// The body's length as far as it is known.
    public var bodyLength: Int? { fatalError("being written") }
    /// Attributes given with the head. Meaningful from `.streaming` on.
    public var attributes: ItemAttributes { fatalError("being written") }
    /// A purge issued since the fill began covers it: do not start serving from it.
    public var isPurged: Bool { fatalError("being written") }
    /// The header block. Empty before `.streaming`.
    public var header: RawSpan {
        @_lifetime(borrow self)
        get { fatalError("being written") }
    }
    /// A run of body bytes that starts at `offset`; empty when none is there yet.
    @_lifetime(borrow self)
    public borrowing func read(at offset: Int) -> RawSpan { fatalError("being written") }

    /// After the owner's death: makes the caller the owner, unless another reader was faster. The permit continues with
    /// what is there (`hasHead`, `bytesReady`): resume with a strong validator, or fail it and start anew.
    public borrowing func takeOver() -> FillPermit? { fatalError("being written") }
}
