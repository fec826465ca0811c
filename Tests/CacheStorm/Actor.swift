// One process of the storm: a worker's life in small, at random.
import CLinux
import Dice
@unsafe @preconcurrency import Glibc
import ShmCache

struct Actor: ~Copyable {
    var lane: Lane
    let index: Int
    var dice: Dice
    let counters: LaneCounters
    var permit: FillPermit?
    var permitContent = Content(key: 0, version: 0)
    var ticket: FillTicket?
    var reading = Reading()
    var pin: Pin?
    var pinContent = Content(key: 0, version: 0)
    var queued: QueuedBytes?
    /// A janitor's walk over the index, and how far ahead of the clock it believes itself to be, in seconds.
    var walk = PopularWalk()
    var ahead: Int64 = 0
    var buffer = [UInt8](repeating: 0, count: 1 << 16)

    /// What a ticket has been read up to.
    struct Reading {
        var key = 0
        var done = 0
        var oldest: UInt64 = 0
        var began = false
    }

    init(lane: consuming Lane, index: Int, seed: UInt64, counters: consuming LaneCounters) {
        self.lane = lane
        self.index = index
        self.counters = counters
        dice = Dice(seed: seed)
    }

    func count(_ count: Count) { counters.add(count.rawValue) }

    /// One turn of a worker's loop, with more of what it is to be struck in.
    mutating func turn(_ world: borrowing World, _ wanted: LanePhase) {
        lane.beginTurn(now: world.region.now())
        checkPin(world)
        checkQueued(world)
        followTicket(world)
        for _ in 0..<6 {
            for _ in 0..<3 { workOnFill(world) }
            let die = dice.next() % 1000
            // New objects push others out whole, renewed ones only leave holes.
            let isFlood = wanted == .evict || wanted == .relocate
            let key = isFlood ? Int(dice.next() % UInt64(world.keys)) : pick(world)
            switch die {
            case 0..<8: purge(world, key)
            case 8..<100 where wanted == .purge: purge(world, key)
            case 8: recoverOthers()
            case 9..<150 where !isFlood: visit(world, key, refreshing: true)
            case 150... where wanted == .compact: visit(world, key, refreshing: true)
            default: visit(world, key, refreshing: false)
            }
        }
        if wanted == .takeover, ticket == nil { inheritFill(world) }
        lane.endTurn()
        if wanted == .recover {
            Actor.leaveDead(world, World.firstSpareLane + index)
            recoverOthers()
        }
        if wanted == .grow || dice.next() % 8192 == 0 { grow(world) }
        lane.maintain(now: world.region.now())
    }

    /// A key, some much more often than others.
    private mutating func pick(_ world: borrowing World) -> Int {
        let keys = UInt64(world.keys)
        return Int(dice.next() % keys * (dice.next() % keys) / keys)
    }

    private mutating func recoverOthers() {
        lane.recoverOthers()
        count(.recoveries)
    }

    /// A segment more, up to the largest size.
    private mutating func grow(_ world: borrowing World) {
        // A segment takes a little of the tables too.
        let size = world.region.sizeBytes + world.region.segmentSizeBytes * 3 / 2
        if (try? lane.grow(world.region, toBytes: size)) != nil { count(.growths) }
    }

    /// Another process dies with a fill begun; this one reads it and goes on with it.
    private mutating func inheritFill(_ world: borrowing World) {
        let key = Int(dice.next() % UInt64(world.keys))
        Actor.leaveDead(world, World.firstSpareLane + index, filling: key)
        let bytes = Content.keyBytes(key)
        let oldest = world.oldestVersion(key: key)
        let hash = unsafe world.region.hash(key: bytes.span.bytes)
        guard case .join(let new) = unsafe lane.startFill(hash: hash, key: bytes.span.bytes, refreshing: true) else {
            return
        }
        ticket = consume new
        reading = Reading(key: key, oldest: oldest)
    }

    /// Leaves a lane to be recovered, perhaps in the middle of a fill.
    private static func leaveDead(_ world: borrowing World, _ spare: Int, filling key: Int? = nil) {
        let pid = cl_fork()
        if pid == 0 {
            if cl_die_with_parent() != 0 { exit(0) }
            guard var lane = try? world.region.attachLane(spare) else { exit(0) }
            lane.beginTurn(now: world.region.now())
            if let key {
                let bytes = Content.keyBytes(key)
                let started = unsafe lane.startFill(
                    hash: world.region.hash(key: bytes.span.bytes), key: bytes.span.bytes, refreshing: true)
                kill(getpid(), SIGKILL)
                _ = consume started
            }
            kill(getpid(), SIGKILL)
        }
        if pid > 0 { _ = cl_wait(pid) }
    }

    private mutating func purge(_ world: borrowing World, _ key: Int) {
        count(.purges)
        let bytes = Content.keyBytes(key)
        let began = World.time()
        let what: Int
        switch dice.next() % 64 {
        case 0:
            lane.purgeEverything()
            what = Purgeable.everything
        case 1..<16:
            lane.purge(tag: UInt64(key % Purgeable.tags))
            what = Purgeable.tag(key % Purgeable.tags)
        case 16..<24:
            let digit = Array("\(Purgeable.digit(of: key))".utf8)
            unsafe lane.purge(keyHead: bytes.span.bytes.extracting(0..<13), prefix: digit.span.bytes, at: 13)
            what = Purgeable.prefix(Purgeable.digit(of: key))
        default:
            unsafe lane.purge(hash: world.region.hash(key: bytes.span.bytes), key: bytes.span.bytes)
            what = Purgeable.key(key)
        }
        world.notePurge(what, began: began)
    }

    private mutating func visit(_ world: borrowing World, _ key: Int, refreshing: Bool) {
        let bytes = Content.keyBytes(key)
        let hash = unsafe world.region.hash(key: bytes.span.bytes)
        if !refreshing, serve(world, hash, bytes, key) { return }
        guard permit == nil, ticket == nil else { return }
        let oldest = world.oldestVersion(key: key)
        switch unsafe lane.startFill(hash: hash, key: bytes.span.bytes, refreshing: refreshing) {
        case .own(let new):
            count(.fills)
            // The time is read after the purge clock, so that an object seems younger than it is, never older.
            permitContent = Content(key: key, version: World.time() & ~0xff | UInt64(index))
            if refreshing, dice.next() % 3 == 0 {
                permit = freshen(new, world, hash, bytes, permitContent)
            } else {
                permit = consume new
            }
        case .join(let new):
            count(.joins)
            ticket = consume new
            reading = Reading(key: key, oldest: oldest)
        case .appeared: break
        case .retryNextTurn: break
        case .unavailable: break
        }
    }

    /// Looks up and reads; true if there was an object.
    private mutating func serve(_ world: borrowing World, _ hash: UInt64, _ bytes: [UInt8], _ key: Int) -> Bool {
        count(.lookups)
        let oldest = world.oldestVersion(key: key)
        var look = Look(key: key, hash: hash, bytes: bytes)
        look.wantsPin = pin == nil && dice.next() % 8 == 0
        look.wantsLoan = queued == nil && dice.next() % 4 == 0
        look.wantsForm = key % 4 == 0 && dice.next() % 4 == 0
        look.isSlow = dice.next() % world.slowReads == 0
        switch Actor.read(lane, look, world, &buffer) {
        case .miss: return false
        case .wrong: count(.wrongReads)
        case .right(let new, let sent, let content):
            if let sent { queued = sent }
            count(.hits)
            if content.confirmed | 0xff < oldest { count(.purgedReads) }
            if let new {
                pin = consume new
                pinContent = content
            } else if content.isCompressible, dice.next() % 32 == 0 {
                if unsafe lane.keepRawCopy(hash: hash, key: bytes.span.bytes) { count(.rawCopies) }
            }
        }
        return true
    }

    /// What is looked up, and what is done with it besides reading.
    private struct Look {
        var key: Int
        var hash: UInt64
        var bytes: [UInt8]
        var wantsPin = false
        var wantsLoan = false
        var wantsForm = false
        var isSlow = false
    }

    enum Finding: ~Copyable {
        case miss
        case wrong
        case right(Pin?, QueuedBytes?, Content)
    }

    private static func read(
        _ lane: borrowing Lane, _ look: Look, _ world: borrowing World, _ buffer: inout [UInt8]
    ) -> Finding {
        let (bytes, key) = (look.bytes, look.key)
        guard let view = unsafe lane.lookup(hash: look.hash, key: bytes.span.bytes), !view.isPassMarker else {
            return .miss
        }
        guard let content = Verifier.check(view, key: key, world.library, &buffer, isComplete: true) else {
            return .wrong
        }
        if look.wantsForm, !isFormRight(of: view, content, lane, world, &buffer) { return .wrong }
        if look.isSlow {
            // A slow turn: what was found must stay what it is to the turn's end, whatever the others do.
            world.waitForOthers(turns: 40, but: lane.index)
            let later = Verifier.check(view, key: key, world.library, &buffer, isComplete: true)
            guard later?.version == content.version else { return .wrong }
        }
        let sent = look.wantsLoan ? QueuedBytes(view, content) : nil
        return .right(look.wantsPin ? lane.pin(view) : nil, sent, content)
    }

    private mutating func checkPin(_ world: borrowing World) {
        guard pin != nil, dice.next() % 16 == 0, let held = pin.take() else { return }
        if !Actor.isSame(lane, held, pinContent, world, &buffer) { count(.wrongReads) }
        lane.unpin(held)
    }

    private static func isSame(
        _ lane: borrowing Lane, _ pin: borrowing Pin, _ content: Content, _ world: borrowing World,
        _ buffer: inout [UInt8]
    ) -> Bool {
        let view = lane.view(of: pin)
        let found = Verifier.check(view, key: content.key, world.library, &buffer, isComplete: pin.isWhole)
        return found?.version == content.version
    }
}
