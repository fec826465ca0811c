// Clients that are slower than the fill they read: a fill keeps its space, and what was staged of it, for as long as
// somebody reads it. Once it is stored they go on with the stored object, under a pin or a mark like any hit: where
// that keeps all that they are owed, and where they are many. What is gone by then is asked for anew.

internal import CachePolicy
internal import ShmCache

extension Worker {
    private static var slowLookMilliseconds: Int64 { 250 }

    /// The client's socket is full in the middle of a fill.
    mutating func noteSlow(_ x: UInt32) {
        if queues.slowCount == 0 { nextSlowLook = clock.milliseconds + Self.slowLookMilliseconds }
        queues.put(x, in: .slow, &contexts)
    }

    /// Looks at the slow readers now and then.
    mutating func lookAfterSlowReaders() {
        guard clock.milliseconds >= nextSlowLook else { return }
        nextSlowLook = clock.milliseconds + Self.slowLookMilliseconds
        // What is not kept whole may be dropped under its reader: some may rather keep their fill.
        var spared = lane.slowReaderAllowance
        var next = queues.firstSlow
        while let x = next {
            next = contexts[x].nextQueued == .max ? nil : contexts[x].nextQueued
            if Self.moveToStore(&contexts[x].body, lane, onlyWhole: spared > 0) || (spared <= 0 && giveUpFill(x)) {
                leaveQueues(x)
            } else {
                spared -= 1
            }
        }
    }

    /// Lets go of a fill that is over and whose object is gone. False when there is something to come of it.
    private mutating func giveUpFill(_ x: UInt32) -> Bool {
        guard contexts[x].exchange == .max, contexts[x].body.kind == .fill,
            let ticket = contexts[x].body.ticket.take()
        else { return false }
        guard let head = Self.headOfOver(ticket) else {
            contexts[x].body.ticket = consume ticket
            return false
        }
        if contexts[x].body.end == .max, let length = ticket.bodyLength { contexts[x].body.end = length }
        contexts[x].body.head = Box(head)
        // Without a pin or a mark it is missing as soon as the client reads on.
        contexts[x].body.kind = .item
        return true
    }

    private static func headOfOver(_ ticket: borrowing FillTicket) -> Buffer? {
        guard ticket.isGivenUp || ticket.phase == .complete else { return nil }
        let count = ticket.header.byteCount
        var head = Buffer(capacity: max(count, 1))
        head.append(ticket.header)
        return head
    }

    /// From the fill to the object that it was stored as. False when that cannot be, or not yet.
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
            if body.pin == nil { body.mark = lane.mark(view) }
        }
        body.kind = .item
        if body.end == .max { body.end = view.bodyLength }
        return true
    }
}
