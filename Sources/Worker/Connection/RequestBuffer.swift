// The bytes of a request that is being read or answered, with its parser and field table. A connection borrows one from
// the first byte of a request until its answer is complete; an idle connection has none.

internal import HTTPMessage

struct RequestBuffer: ~Copyable {
    var bytes: Buffer
    private var parser: Box<RequestParser>
    private var table: Box<FieldTable>
    /// Offset (from the first readable byte) of the first byte behind the head that nobody has used yet.
    private(set) var bodyOffset = 0
    /// Which known fields the head has: `fields.presence` without handing the table about, which copies it.
    private(set) var fieldNames: FieldSet = []
    /// Nothing of the request was parsed yet.
    private(set) var isUntouched = true
    /// The connection, and the origin exchange that still looks at this head.
    var references = 0
    fileprivate var nextFree = UInt32.max

    init(capacity: Int, limits: MessageLimits, fieldCapacity: Int) {
        bytes = Buffer(capacity: capacity)
        parser = Box(RequestParser(limits: limits))
        table = Box(FieldTable(capacity: fieldCapacity))
    }

    /// Parses on; see `RequestParser`.
    mutating func parse() -> RequestProgress {
        isUntouched = false
        let progress = Self.parse(bytes, &parser.value, &table.value)
        if case .complete(let length) = progress {
            bodyOffset = length
            fieldNames = FieldTable.presence(of: &table.value)
        }
        return progress
    }

    /// The parts one by one: a span of one stored property and the change of another cannot go through `self`.
    private static func parse(
        _ bytes: borrowing Buffer, _ parser: inout RequestParser, _ fields: inout FieldTable
    ) -> RequestProgress {
        parser.parse(bytes.readable, into: &fields)
    }

    var head: RequestHead {
        @inline(__always) get { parser.value.head }
    }

    var fields: FieldTable {
        @inline(__always) unsafeAddress { unsafe UnsafePointer(table.place) }
    }

    /// Bytes behind the head that have arrived: body, then further requests.
    var unread: RawSpan {
        @_lifetime(borrow self) borrowing get { bytes.readable(from: bodyOffset) }
    }
    var unreadCount: Int { bytes.count - bodyOffset }

    /// Body bytes were used. Space is won back without moving the head.
    mutating func consumeBody(_ count: Int) {
        bodyOffset += count
        if bodyOffset == bytes.count {
            bytes.retract(bytes.count - head.length)
            bodyOffset = head.length
        }
    }

    /// Forgets what is behind the head.
    mutating func dropUnread() {
        bytes.retract(unreadCount)
    }

    /// When the end of the buffer is near: moves unread body bytes down to the head, and all to the front, where
    /// requests lay that were answered.
    mutating func makeRoomForBody() {
        guard bytes.writableCount < bytes.capacity / 4 else { return }
        bytes.remove(head.length..<bodyOffset)
        bodyOffset = head.length
        bytes.compact()
    }

    /// Gives a head that is incomplete all the room there is. False when it has it already.
    mutating func makeRoomForHead() -> Bool {
        bytes.compact()
        return bytes.writableCount > 0
    }

    /// The request is done with: what is behind it becomes the front.
    mutating func advance() {
        bytes.consume(bodyOffset)
        forgetHead()
    }

    mutating func clear() {
        bytes.clear()
        forgetHead()
    }

    @inline(__always)
    private mutating func forgetHead() {
        guard !isUntouched else { return }
        bodyOffset = 0
        parser.value.reset()
        isUntouched = true
    }
}

/// All request buffers of a worker, by number.
struct RequestBuffers: ~Copyable {
    private var slab: Slab<RequestBuffer>
    private var firstFree = UInt32.max
    private let capacity: Int
    private let limits: MessageLimits
    private let fieldCapacity: Int

    init(limit: Int, capacity: Int, limits: MessageLimits, fieldCapacity: Int) {
        slab = Slab(limit: limit)
        self.capacity = capacity
        self.limits = limits
        self.fieldCapacity = fieldCapacity
    }

    subscript(_ index: UInt32) -> RequestBuffer {
        @inline(__always) unsafeAddress { unsafe slab.pointer(index) }
        @inline(__always) unsafeMutableAddress { unsafe slab.mutablePointer(index) }
    }

    /// An empty buffer with one reference; nil when there are as many as allowed.
    mutating func acquire() -> UInt32? {
        if firstFree != .max {
            let index = firstFree
            firstFree = slab[index].nextFree
            slab[index].references = 1
            return index
        }
        let fresh = RequestBuffer(capacity: capacity, limits: limits, fieldCapacity: fieldCapacity)
        guard let id = slab.insert(fresh) else { return nil }
        slab[id.index].references = 1
        return id.index
    }

    /// Moves what is behind one request's head to another, empty buffer.
    mutating func moveUnread(from old: UInt32, to fresh: UInt32) {
        slab.withTaken(old, fresh) { source, target in
            target.bytes.append(source.unread)
            source.dropUnread()
        }
    }

    mutating func retain(_ index: UInt32) { slab[index].references += 1 }

    /// Gives up one reference; the last one makes the buffer free.
    mutating func release(_ index: UInt32) {
        slab[index].references -= 1
        guard slab[index].references == 0 else { return }
        slab[index].clear()
        slab[index].nextFree = firstFree
        firstFree = index
    }
}
