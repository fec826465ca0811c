// What a scenario of the exhaustive test works on, and the few deeds that scenarios are made of.
import CLinux
@unsafe @preconcurrency import Glibc
import ShmCache

/// A small region, a lane of this process that looks on, and what that lane holds meanwhile.
@safe
final class Stage {
    static let reader = 0
    static let victim = 1
    static let examiner = 2
    static let dead = 3
    static let lanes = 5

    let region: CacheRegion
    let library: Library
    var reader: Lane?
    /// How the last store ended; nil where it did not come to its end.
    private(set) var lastOutcome: FinishOutcome?
    var ticket: FillTicket?
    var permit: FillPermit?
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    /// A word that a child can leave for its parent.
    private let note = unsafe mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)

    deinit { unsafe munmap(note, 4096) }

    func report(_ value: UInt64) { unsafe note?.storeBytes(of: value, as: UInt64.self) }
    var reported: UInt64 { unsafe note?.load(as: UInt64.self) ?? 0 }

    /// A new region.
    init(_ options: RegionOptions, _ library: Library) throws {
        var options = options
        options.laneCount = Stage.lanes
        region = try CacheRegion.create(options)
        self.library = library
        reader = try region.attachLane(Stage.reader)
    }

    /// A region as another one is now, in memory of its own. Who holds a lane there still seems to hold it here.
    init(copyOf other: borrowing CacheRegion, _ library: Library) throws {
        let length = unsafe other.mappedRange.count
        let descriptor = unsafe cl_memfd_create("martlet-copy")
        guard descriptor >= 0, cl_set_file_size(descriptor, Int64(length)) == 0,
            let target = unsafe cl_map_shared(descriptor, length, true)
        else { Storm.fail("no memory for a copy") }
        unsafe target.copyMemory(from: other.mappedRange.baseAddress!, byteCount: other.fileBytes)
        unsafe cl_unmap(target, length)
        defer { _ = cl_close_descriptor(descriptor) }
        region = try CacheRegion.attach(descriptor: descriptor)
        self.library = library
    }

    /// Makes this one what another is now. Both have the same shape.
    func become(_ other: borrowing CacheRegion) {
        unsafe region.mappedRange.baseAddress!.copyMemory(
            from: other.mappedRange.baseAddress!, byteCount: other.fileBytes)
    }

    /// Does something with the reader's lane, within a turn.
    func turn(_ work: (borrowing Lane) -> Void) {
        guard var lane = reader.take() else { return }
        lane.beginTurn(now: region.now())
        work(lane)
        lane.endTurn()
        reader = consume lane
    }

    /// Stores contents with the reader's lane; evicts nothing for them.
    func store(_ contents: [Content]) {
        turn { lane in for content in contents { _ = store(content, lane) } }
        guard var lane = reader.take() else { return }
        lane.maintain(now: region.now(), maximumSegments: 0)
        reader = consume lane
    }

    /// Fetches and stores a content. Inside a turn.
    @discardableResult
    func store(_ content: Content, _ lane: borrowing Lane, piece: Int = .max) -> FinishOutcome? {
        let bytes = Content.keyBytes(content.key)
        switch unsafe lane.startFill(hash: region.hash(key: bytes.span.bytes), key: bytes.span.bytes, refreshing: true)
        {
        case .own(var permit): lastOutcome = finish(&permit, content, piece: piece)
        default: lastOutcome = nil
        }
        return lastOutcome
    }

    /// Goes on with a fill to its end.
    func finish(_ permit: inout FillPermit, _ content: Content, piece: Int = .max) -> FinishOutcome? {
        if !permit.hasHead, !setHead(&permit, content) { return nil }
        let library = library
        while permit.bytesReady < content.length {
            let end = min(content.length, permit.bytesReady &+ min(piece, content.length))
            guard permit.append(content.run(permit.bytesReady..<end, library)) == .accepted else { return nil }
        }
        permit.flush()
        while true {
            let outcome = permit.finish(budgetBytes: piece)
            if outcome != .again { return outcome }
        }
    }

    func setHead(_ permit: inout FillPermit, _ content: Content) -> Bool {
        let (header, tags) = (content.header, [UInt64(content.key % Purgeable.tags)])
        return unsafe permit.setHead(
            header.span.bytes, attributes: ItemAttributes(storedSeconds: 1), tags: tags.span,
            expectedBodyLength: content.length) == .accepted
    }

    func hash(_ key: Int) -> UInt64 {
        let bytes = Content.keyBytes(key)
        return unsafe region.hash(key: bytes.span.bytes)
    }

    /// The rank of what is stored under a key; 0 when there is nothing, nil when a byte of it is wrong or missing.
    func rank(_ key: Int, _ lane: borrowing Lane) -> Int? {
        let bytes = Content.keyBytes(key)
        guard let view = unsafe lane.lookup(hash: region.hash(key: bytes.span.bytes), key: bytes.span.bytes) else {
            return 0
        }
        if view.isPassMarker { return Content.markerRank }
        return Verifier.check(view, key: key, library, &buffer, isComplete: true)?.rank
    }

    func purge(_ key: Int, _ lane: borrowing Lane, soft: Bool = false) {
        let bytes = Content.keyBytes(key)
        unsafe lane.purge(hash: region.hash(key: bytes.span.bytes), key: bytes.span.bytes, soft: soft)
    }

    /// Purges all keys that begin as this one does.
    func purgePrefix(_ key: Int, _ lane: borrowing Lane, soft: Bool = false) {
        let bytes = Content.keyBytes(key)
        let digit = Array("\(Purgeable.digit(of: key))".utf8)
        unsafe lane.purge(keyHead: bytes.span.bytes.extracting(0..<13), prefix: digit.span.bytes, at: 13, soft: soft)
    }
}

extension Content {
    /// What a note that a key is not to be collapsed counts as.
    static let markerRank = 1000

    /// Versions of one key follow each other by rank.
    var rank: Int { Int(confirmed >> 32) }

    /// A content of that rank whose body's length lies in a range, and can be compressed or not.
    static func ranked(_ key: Int, _ rank: Int, _ lengths: Range<Int>, compressible: Bool = false) -> Content {
        var version = UInt64(rank) << 32
        while true {
            let content = Content(key: key, version: version)
            if lengths.contains(content.length), content.isCompressible == compressible { return content }
            version += 1
        }
    }
}
