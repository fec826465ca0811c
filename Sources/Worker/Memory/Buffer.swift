// A byte buffer of fixed capacity with a readable middle: [ consumed | readable | writable ]. Taken from and given back
// to a pool, so that nothing is allocated once a worker has warmed up.

internal import CLinux
internal import HTTPMessage
internal import ShmCache

@safe struct Buffer: ~Copyable {
    private let base: UnsafeMutableRawPointer
    let capacity: Int
    private(set) var start = 0
    private(set) var end = 0

    init(capacity: Int) {
        self.capacity = capacity
        unsafe base = .allocate(byteCount: capacity, alignment: 64)
    }

    deinit { unsafe base.deallocate() }

    var count: Int { end - start }
    var isEmpty: Bool { end == start }
    /// Bytes that can be appended without moving what is readable.
    var writableCount: Int { capacity - end }

    var readable: RawSpan {
        @_lifetime(borrow self) borrowing get {
            let span = unsafe RawSpan(_unsafeStart: base + start, byteCount: end - start)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// The readable bytes from `offset` (counted from the first readable byte) on.
    @_lifetime(borrow self)
    borrowing func readable(from offset: Int) -> RawSpan {
        precondition(offset >= 0 && offset <= count)
        let span = unsafe RawSpan(_unsafeStart: base + start + offset, byteCount: end - start - offset)
        return unsafe _overrideLifetime(span, borrowing: self)
    }

    mutating func clear() {
        start = 0
        end = 0
    }

    mutating func consume(_ byteCount: Int) {
        precondition(byteCount >= 0 && byteCount <= count)
        start += byteCount
        if start == end { clear() }
    }

    /// Drops the last `byteCount` readable bytes.
    mutating func retract(_ byteCount: Int) {
        precondition(byteCount >= 0 && byteCount <= count)
        end -= byteCount
    }

    /// Moves the readable bytes to the front, so that all free space is writable.
    mutating func compact() {
        guard start > 0 else { return }
        unsafe base.copyMemory(from: base + start, byteCount: count)
        end -= start
        start = 0
    }

    /// Appends as much as fits; returns how much that was.
    @discardableResult
    mutating func append(_ bytes: RawSpan) -> Int {
        let length = min(bytes.byteCount, writableCount)
        guard length > 0 else { return 0 }
        unsafe bytes.withUnsafeBytes { source in
            if let address = source.baseAddress { unsafe (base + end).copyMemory(from: address, byteCount: length) }
        }
        end += length
        return length
    }

    /// Lets `body` append to the free space. Nothing is kept when something did not fit; then the answer is false.
    @discardableResult
    mutating func write(_ body: (inout ByteSink) -> Void) -> Bool {
        let space = unsafe MutableRawSpan(_unsafeStart: base + end, byteCount: writableCount)
        var sink = ByteSink(space)
        body(&sink)
        guard !sink.overflowed else { return false }
        end += sink.count
        return true
    }

    /// A sink over the free space; `commit` what was written when it is done.
    @_lifetime(&self)
    mutating func sink() -> ByteSink {
        let space = unsafe MutableRawSpan(_unsafeStart: base + end, byteCount: capacity - end)
        return unsafe ByteSink(_overrideLifetime(space, mutating: &self))
    }

    /// The free space itself.
    @_lifetime(&self)
    mutating func space() -> MutableRawSpan {
        let space = unsafe MutableRawSpan(_unsafeStart: base + end, byteCount: capacity - end)
        return unsafe _overrideLifetime(space, mutating: &self)
    }

    /// The first `count` bytes of the free space have been written.
    mutating func commit(_ count: Int) {
        precondition(count >= 0 && count <= writableCount)
        end += count
    }

    /// Decodes a stored chunk into the free space and keeps `length` bytes of it after the first `skip`. False when the
    /// stored bytes are damaged. There must be room for the whole chunk.
    mutating func append(_ chunk: CompressedChunk, dropping skip: Int, length: Int) -> Bool {
        precondition(writableCount >= chunk.rawLength && skip + length <= chunk.rawLength)
        var space = unsafe MutableRawSpan(_unsafeStart: base + end, byteCount: chunk.rawLength)
        guard chunk.decode(into: &space) else { return false }
        if skip > 0 { unsafe (base + end).copyMemory(from: base + end + skip, byteCount: length) }
        end += length
        return true
    }

    /// Removes `range` (counted from the first readable byte); what is behind it moves down.
    mutating func remove(_ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        guard !range.isEmpty else { return }
        let tail = count - range.upperBound
        if tail > 0 {
            unsafe (base + start + range.lowerBound).copyMemory(from: base + start + range.upperBound, byteCount: tail)
        }
        end -= range.count
        if start == end { clear() }
    }

    /// One `recv` into the free space: bytes received, 0 at the peer's end of stream, or -errno.
    mutating func receive(from descriptor: Int32) -> Int {
        let received = unsafe cl_receive(descriptor, base + end, writableCount)
        guard received >= 0 else { return -Int(cl_errno()) }
        end += received
        return received
    }

    /// One `send` of the readable bytes, followed by `extra` in the same call. Bytes of both that the socket took, or
    /// -errno.
    /// Nothing is consumed: the caller does that.
    borrowing func send(to descriptor: Int32, followedBy extra: RawSpan, more: Bool) -> Int {
        let sent = unsafe extra.withUnsafeBytes { tail in
            if let address = tail.baseAddress, tail.count > 0 {
                if isEmpty { return unsafe cl_send(descriptor, address, tail.count, more) }
                return unsafe cl_send2(descriptor, base + start, count, address, tail.count, more)
            }
            return unsafe cl_send(descriptor, base + start, count, more)
        }
        return sent >= 0 ? sent : -Int(cl_errno())
    }
}

/// Readable bytes of a buffer that may not be there.
@inline(__always)
func readableCount(_ buffer: borrowing Buffer?) -> Int {
    switch buffer {
    case .some(let buffer): buffer.count
    case .none: 0
    }
}

/// The readable bytes of a buffer that may not be there; none then.
@_lifetime(borrow buffer)
func readableBytes(_ buffer: borrowing Buffer?) -> RawSpan {
    switch buffer {
    case .some(let present): unsafe _overrideLifetime(present.readable, borrowing: buffer)
    case .none: RawSpan()
    }
}

/// Appends the readable bytes of a buffer that may not be there to an array.
func copyReadable(_ buffer: borrowing Buffer?, to bytes: inout [UInt8]) {
    switch buffer {
    case .some(let buffer): append(buffer.readable, to: &bytes)
    case .none: break
    }
}

func append(_ span: RawSpan, to bytes: inout [UInt8]) {
    unsafe span.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
}

/// Free space of a buffer that may not be there.
func writableCount(_ buffer: borrowing Buffer?) -> Int {
    switch buffer {
    case .some(let buffer): buffer.writableCount
    case .none: 0
    }
}

/// Buffers of one size, for reuse.
struct BufferPool: ~Copyable {
    private let bufferCapacity: Int
    private var free: Pool<Buffer>

    init(bufferCapacity: Int, retainedLimit: Int) {
        self.bufferCapacity = bufferCapacity
        free = Pool(retainedLimit: retainedLimit)
    }

    mutating func take() -> Buffer { free.take() ?? Buffer(capacity: bufferCapacity) }

    /// A buffer for so much, which may be more than those of the pool hold.
    mutating func take(atLeast byteCount: Int) -> Buffer {
        byteCount <= bufferCapacity ? take() : Buffer(capacity: byteCount)
    }

    mutating func give(_ buffer: consuming Buffer) {
        guard buffer.capacity == bufferCapacity else { return }
        buffer.clear()
        free.give(buffer)
    }
}
