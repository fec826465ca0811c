// Answers as they go out, head and body in one piece, of the small objects that are asked for more than once a second:
// the next plain request sends the same bytes. The cache is asked as for any hit; only writing the head anew and
// copying the body are saved, so an entry is right as long as the object is the one found and its age is the one
// written. Of an encoded form the object is the form: it lies elsewhere, and belongs to one commit of the object only.

internal import CachePolicy
internal import HTTPMessage
internal import ShmCache

struct RenderedAnswers: ~Copyable {
    /// What has become of an answer that may be rendered.
    enum Place: Equatable {
        /// It lies in this slot, whole.
        case ready(UInt16)
        /// This slot is kept for it: asked for twice in this second.
        case wanted(UInt16)
        /// Asked for the first time, or its slot is in use.
        case none
    }

    struct Slot: ~Copyable {
        var object: Mark?
        var ageSeconds: UInt64 = 0
        /// It tells the client that the connection ends with it.
        var isClosing = false
        /// In this turn an answer was promised out of the slot: it must stay.
        var heldTurn: UInt64 = 0
        var buffer: Buffer?
        var isReady = false
    }

    static var slotCount: Int { 32 }
    /// Larger bodies are sent from where they lie.
    static var bodyLimit: Int { BodyPump.copyLimit }
    private static var bufferCapacity: Int { bodyLimit + 2048 }

    private var slots: Slab<Slot>

    init() {
        slots = Slab(limit: Self.slotCount)
        for _ in 0..<Self.slotCount { _ = slots.insert(Slot()) }
    }

    /// Looks an object's answer up and notes that it was asked for.
    mutating func place(
        of object: Mark, hash: UInt64, ageSeconds: UInt64, isClosing: Bool, turn: UInt64
    ) -> Place {
        let index = UInt16(truncatingIfNeeded: isClosing ? ~hash : hash) & UInt16(Self.slotCount - 1)
        let slot = UInt32(index)
        if slots[slot].object == object, slots[slot].ageSeconds == ageSeconds, slots[slot].isClosing == isClosing {
            return slots[slot].isReady ? .ready(index) : .wanted(index)
        }
        guard slots[slot].heldTurn != turn else { return .none }
        slots[slot].object = object
        slots[slot].ageSeconds = ageSeconds
        slots[slot].isClosing = isClosing
        slots[slot].isReady = false
        return .none
    }

    /// Lets `body` write the answer of a wanted slot. False when it does not fit or cannot be made.
    mutating func render(_ index: UInt16, _ body: (inout Buffer) -> Bool) -> Bool {
        var buffer = slots[UInt32(index)].buffer.take() ?? Buffer(capacity: Self.bufferCapacity)
        buffer.clear()
        let isReady = body(&buffer)
        slots[UInt32(index)].isReady = isReady
        slots[UInt32(index)].buffer = consume buffer
        return isReady
    }

    /// Nothing else is written to the slot in this turn.
    mutating func hold(_ index: UInt16, turn: UInt64) { slots[UInt32(index)].heldTurn = turn }

    /// Sends what lies in the slot; `more` when the connection's end follows at once.
    static func send(
        _ answers: borrowing RenderedAnswers, _ index: UInt16, more: Bool, to sink: inout ClientSink
    ) -> OfferOutcome {
        send(answers.slots[UInt32(index)].buffer, more: more, to: &sink)
    }

    private static func send(_ buffer: borrowing Buffer?, more: Bool, to sink: inout ClientSink) -> OfferOutcome {
        switch buffer {
        case .some(let buffer): sink.sendWhole(buffer.readable, more: more)
        case .none: .failed
        }
    }
}

extension Worker {
    /// The slot where the answer to a plain request lies, if it is asked for often enough to lie in one.
    static func render(
        _ view: borrowing ItemView, _ form: SentForm, _ stored: borrowing StoredHead, _ probe: CacheProbe,
        _ lane: borrowing Lane, _ settings: borrowing WorkerSettings, _ rendered: inout RenderedAnswers
    ) -> UInt16? {
        let moment = probe.moment
        let place = rendered.place(
            of: lane.mark(view), hash: form.hash, ageSeconds: stored.ageSeconds(now: moment.now),
            isClosing: probe.closing, turn: moment.turn)
        switch place {
        case .ready(let slot): return slot
        case .none: return nil
        case .wanted(let slot):
            let isReady = rendered.render(slot) { buffer in
                var output = buffer.sink()
                ClientHead.writeHit(
                    stored: stored, bodyLength: UInt64(view.bodyLength), objectLength: UInt64(form.objectLength),
                    coding: form.coding, now: moment.now, keepAlive: !probe.closing, minorVersion: 1,
                    settings: settings.policy, into: &output)
                let count = output.overflowed ? 0 : output.count
                buffer.commit(count)
                return count > 0 && appendBody(of: view, to: &buffer)
            }
            return isReady ? slot : nil
        }
    }

    private static func appendBody(of view: borrowing ItemView, to buffer: inout Buffer) -> Bool {
        var position = 0
        while position < view.bodyLength {
            let room = buffer.writableCount
            switch view.bodyPiece(at: position) {
            case .raw(let bytes):
                guard bytes.byteCount <= room else { return false }
                position += buffer.append(bytes)
            case .compressed(let chunk):
                guard chunk.bodyOffset == position, chunk.rawLength <= room,
                    buffer.append(chunk, dropping: 0, length: chunk.rawLength)
                else { return false }
                position += chunk.rawLength
            case .missing, .end: return false
            }
        }
        return true
    }
}
