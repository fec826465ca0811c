// Clients that are slower than the fill they read: a fill keeps its space, and what was staged of it, for as long as
// somebody reads it. Once it is stored they go on with the stored object, under a pin or a mark like any hit: where
// that keeps all that they are owed, and where they keep much. What is gone by then is asked for anew.

internal import CachePolicy
internal import HTTPMessage
internal import ShmCache

extension Worker {
    /// How often they are looked at.
    static var slowLookMilliseconds: Int64 { 250 }

    /// The client's socket is full in the middle of a fill.
    mutating func noteSlow(_ x: UInt32) {
        if queues.slowCount == 0 { nextSlowLook = clock.milliseconds + Self.slowLookMilliseconds }
        queues.put(x, in: .slow, &contexts)
    }

    /// Looks at the slow readers now and then.
    mutating func lookAfterSlowReaders() {
        guard clock.milliseconds >= nextSlowLook else { return }
        nextSlowLook = clock.milliseconds + Self.slowLookMilliseconds
        var kept = 0
        var keptFills: Set<Int> = []
        var next = queues.firstSlow
        while let x = next {
            next = contexts[x].nextQueued == .max ? nil : contexts[x].nextQueued
            guard let fill = Self.fillThatIsOver(contexts[x].body) else { continue }
            // What is not kept whole may be dropped under its reader: some may rather keep their fill, those that
            // could not go on without it more of them.
            let most = fill.isResumable ? lane.slowReaderAllowance : 4 * lane.slowReaderAllowance
            let mayKeep = keptFills.contains(fill.number) || kept < most
            if moveToStore(x, onlyWhole: mayKeep) || (!mayKeep && giveUpFill(x)) {
                leaveQueues(x)
            } else if keptFills.insert(fill.number).inserted {
                kept += fill.segments
            }
        }
    }

    private struct FillThatIsOver {
        var number: Int
        var segments: Int
        /// The rest of its body can be asked for.
        var isResumable: Bool
    }

    /// What a reader keeps; nil while somebody still works on it.
    private static func fillThatIsOver(_ body: borrowing BodySource) -> FillThatIsOver? {
        switch body.ticket {
        case .some(let ticket):
            guard ticket.isOver, let stored = StoredHead(ticket.header) else { return nil }
            return FillThatIsOver(
                number: ticket.number, segments: ticket.segmentsKept, isResumable: hasStrongValidator(stored))
        case .none: return nil
        }
    }

    /// From the fill to the object that it was stored as. False when that cannot be.
    private mutating func moveToStore(_ x: UInt32, onlyWhole: Bool) -> Bool {
        // A stored body goes out by its length: it knows nothing of chunks, nor of one that is half sent.
        if case .chunked = clients[contexts[x].client.index].sink.framing { return false }
        return Self.moveToStore(&contexts[x].body, lane, onlyWhole: onlyWhole)
    }

    private static func moveToStore(
        _ body: inout BodySource, _ lane: borrowing Lane, onlyWhole: Bool
    ) -> Bool {
        guard body.kind == .fill, let ticket = body.ticket.take() else { return false }
        let moved = move(&body, to: lane.stored(by: ticket), lane, onlyWhole: onlyWhole)
        // Given back only when the object is pinned.
        if !moved { body.ticket = consume ticket }
        return moved
    }

    private static func move(
        _ body: inout BodySource, to view: consuming ItemView?, _ lane: borrowing Lane, onlyWhole: Bool
    ) -> Bool {
        guard let view else { return false }
        let pin = lane.pin(view)
        if onlyWhole {
            guard let pin else { return false }
            guard pin.isWhole else {
                lane.unpin(pin)
                return false
            }
            body.pin = consume pin
        } else {
            body.pin = consume pin
            if body.pin == nil {
                body.mark = lane.mark(view)
                body.head = Box(copy(of: view.header))
            }
        }
        body.kind = .item
        if body.end == .max { body.end = view.bodyLength }
        return true
    }

    /// Lets go of a fill that is over and whose object cannot be used. False when somebody else still sees to it.
    private mutating func giveUpFill(_ x: UInt32) -> Bool {
        guard contexts[x].exchange == .max, contexts[x].body.kind == .fill,
            let ticket = contexts[x].body.ticket.take()
        else { return false }
        guard let head = Self.headOfUsable(ticket) else {
            contexts[x].body.ticket = consume ticket
            return false
        }
        if contexts[x].body.end == .max, let length = ticket.bodyLength { contexts[x].body.end = length }
        contexts[x].body.head = Box(head)
        // Without a pin or a mark it is missing as soon as the client reads on.
        contexts[x].body.kind = .item
        return true
    }

    private static func headOfUsable(_ ticket: borrowing FillTicket) -> Buffer? {
        guard ticket.isGivenUp || ticket.phase == .complete else { return nil }
        return copy(of: ticket.header)
    }

    private static func copy(of head: RawSpan) -> Buffer {
        var copy = Buffer(capacity: max(head.byteCount, 1))
        copy.append(head)
        return copy
    }
}
