// One process of the storm: a worker's life in small, at random.
import CLinux
import ShmCache

struct Actor: ~Copyable {
    static let keys: UInt64 = 2000

    var lane: Lane
    let index: Int
    var dice: Dice
    var permit: FillPermit?
    var permitContent = Content(key: 0, version: 0)
    var ticket: FillTicket?
    var ticketKey = 0
    var ticketRead = 0
    var pin: Pin?
    var pinContent = Content(key: 0, version: 0)
    var buffer = [UInt8](repeating: 0, count: 1 << 16)

    init(lane: consuming Lane, index: Int, dice: Dice) {
        self.lane = lane
        self.index = index
        self.dice = dice
    }

    mutating func turn(_ region: borrowing CacheRegion, _ counters: borrowing LaneCounters) {
        lane.beginTurn(now: region.now())
        checkPin(counters)
        workOnFill(counters)
        followTicket(counters)
        for _ in 0..<4 {
            let die = dice.next() % 1000
            let key = Int(dice.next() % Actor.keys)
            if die < 4 {
                purge(region, key, counters)
            } else if die == 5 {
                region.recoverDeadLanes()
                counters.add(Count.recoveries.rawValue)
            } else {
                visit(region, key, refreshing: die < 60, counters)
            }
        }
        lane.endTurn()
        lane.maintain(now: region.now())
    }

    private mutating func purge(_ region: borrowing CacheRegion, _ key: Int, _ counters: borrowing LaneCounters) {
        counters.add(Count.purges.rawValue)
        let bytes = Content.keyBytes(key)
        if dice.next() % 4 == 0 {
            lane.purge(tag: UInt64(key % 10))
        } else {
            unsafe lane.purge(hash: region.hash(key: bytes.span.bytes), key: bytes.span.bytes)
        }
    }

    private mutating func visit(
        _ region: borrowing CacheRegion, _ key: Int, refreshing: Bool, _ counters: borrowing LaneCounters
    ) {
        let bytes = Content.keyBytes(key)
        let hash = unsafe region.hash(key: bytes.span.bytes)
        counters.add(Count.lookups.rawValue)
        let wantsPin = pin == nil && dice.next() % 8 == 0
        if !refreshing {
            switch Actor.read(lane, hash, bytes, key, wantsPin: wantsPin, &buffer) {
            case .miss: break
            case .wrong:
                counters.add(Count.hits.rawValue)
                return counters.add(Count.wrongReads.rawValue)
            case .right(let new, let content):
                counters.add(Count.hits.rawValue)
                guard let new else { return }
                pin = consume new
                pinContent = content
                return
            }
        }
        guard permit == nil, ticket == nil else { return }
        switch unsafe lane.startFill(hash: hash, key: bytes.span.bytes, refreshing: refreshing) {
        case .own(let new):
            counters.add(Count.fills.rawValue)
            permit = consume new
            permitContent = Content(key: key, version: dice.next())
        case .join(let new):
            counters.add(Count.joins.rawValue)
            ticket = consume new
            ticketKey = key
            ticketRead = 0
        case .appeared: break
        case .retryNextTurn: break
        case .unavailable: break
        }
    }

    enum Reading: ~Copyable {
        case miss
        case wrong
        case right(Pin?, Content)
    }

    private static func read(
        _ lane: borrowing Lane, _ hash: UInt64, _ bytes: [UInt8], _ key: Int, wantsPin: Bool, _ buffer: inout [UInt8]
    ) -> Reading {
        guard let view = unsafe lane.lookup(hash: hash, key: bytes.span.bytes) else { return .miss }
        guard let content = check(view, key: key, &buffer) else { return .wrong }
        return .right(wantsPin ? lane.pin(view) : nil, content)
    }

    /// The content of a view, if every byte is right. Missing pieces of large objects are allowed, wrong ones are not.
    private static func check(_ view: borrowing ItemView, key: Int, _ buffer: inout [UInt8]) -> Content? {
        let header = unsafe view.header.withUnsafeBytes { unsafe [UInt8]($0) }
        guard let content = Content(key: key, header: header), view.bodyLength == content.length else { return nil }
        var offset = 0
        while true {
            switch view.bodyPiece(at: offset) {
            case .end: return offset == content.length ? content : nil
            case .missing: return content
            case .raw(let span):
                guard content.matches(span, at: offset) else { return nil }
                offset += span.byteCount
            case .compressed(let chunk):
                let (start, length) = (chunk.bodyOffset, chunk.rawLength)
                let isRight = unsafe buffer.withUnsafeMutableBytes { bytes in
                    var target = unsafe MutableRawSpan(_unsafeBytes: bytes)
                    guard chunk.decode(into: &target) else { return false }
                    return content.matches(target.bytes.extracting(0..<length), at: start)
                }
                guard isRight else { return nil }
                offset = start + length
            }
        }
    }

    private mutating func checkPin(_ counters: borrowing LaneCounters) {
        guard pin != nil, dice.next() % 3 == 0, let held = pin.take() else { return }
        let content = Actor.checkPinned(lane, held, pinContent.key, &buffer)
        if content?.version != pinContent.version { counters.add(Count.wrongReads.rawValue) }
        lane.unpin(held)
    }

    private static func checkPinned(
        _ lane: borrowing Lane, _ pin: borrowing Pin, _ key: Int, _ buffer: inout [UInt8]
    ) -> Content? {
        check(lane.view(of: pin), key: key, &buffer)
    }

    /// A step of the fill that this process owns.
    private mutating func workOnFill(_ counters: borrowing LaneCounters) {
        guard var fill = permit.take() else { return }
        let content = permitContent
        if !fill.hasHead {
            if dice.next() % 16 == 0 { return fill.fail(.originFailed) }
            let attributes = ItemAttributes(storedSeconds: 1)
            let (header, tags) = (content.header, [UInt64(content.key % 10)])
            guard
                unsafe fill.setHead(
                    header.span.bytes, attributes: attributes, tags: tags.span, expectedBodyLength: content.length)
                    == .accepted
            else { return }
            permit = consume fill
            return
        }
        let ready = fill.bytesReady
        if ready < content.length {
            let count = min(content.length - ready, 1 + Int(dice.next() % 32768))
            let bytes = content.bytes(ready..<ready + count)
            guard unsafe fill.append(bytes.span.bytes) == .accepted else { return }
        }
        if fill.bytesReady == content.length {
            switch fill.finish(budgetBytes: 16384) {
            case .again: break
            case .committed:
                counters.add(Count.commits.rawValue)
                return
            case .rejected: return
            }
        }
        if dice.next() % 4 == 0 { fill.flush() }
        permit = consume fill
    }

    /// Reads on from somebody else's fill, or takes it over.
    private mutating func followTicket(_ counters: borrowing LaneCounters) {
        guard let reading = ticket.take() else { return }
        switch reading.phase {
        case .failed: return
        case .waiting: break
        case .orphaned:
            guard permit == nil else { break }
            guard let new = reading.takeOver() else { return }
            counters.add(Count.takeovers.rawValue)
            let header = Actor.header(of: reading)
            permitContent = Content(key: ticketKey, header: header) ?? Content(key: ticketKey, version: dice.next())
            permit = consume new
            return
        case .streaming, .complete:
            switch Actor.follow(reading, key: ticketKey, &ticketRead) {
            case .goesOn: break
            case .ended: return
            case .wrong: return counters.add(Count.wrongReads.rawValue)
            }
        }
        // Sometimes a client goes away in the middle.
        if dice.next() % 200 == 0 { return }
        ticket = consume reading
    }

    enum Progress { case goesOn, ended, wrong }

    /// Reads what is new of a fill and checks it.
    private static func follow(_ reading: borrowing FillTicket, key: Int, _ done: inout Int) -> Progress {
        let header = unsafe reading.header.withUnsafeBytes { unsafe [UInt8]($0) }
        guard let content = Content(key: key, header: header) else { return .wrong }
        let isComplete = reading.phase == .complete
        while done < reading.bytesReady {
            let span = reading.read(at: done)
            if span.byteCount == 0 { break }
            guard content.matches(span, at: done) else { return .wrong }
            done += span.byteCount
        }
        guard isComplete else { return .goesOn }
        return done == content.length ? .ended : .wrong
    }

    private static func header(of reading: borrowing FillTicket) -> [UInt8] {
        unsafe reading.header.withUnsafeBytes { unsafe [UInt8]($0) }
    }
}
