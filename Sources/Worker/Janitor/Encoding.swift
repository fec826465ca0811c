// Which objects the janitor encodes, and when: while clients ask for codings that are missing, it walks the index for
// popular objects that may be encoded, a step at a time, makes one form at a time, and rests three times as long as
// that kept the processor. Nothing waits for a form.

internal import CLinux
internal import CachePolicy
internal import Glibc
internal import ShmCache

extension Janitor {
    /// The caller flag of objects whose header block says that they may be encoded: the walk need not read that.
    static var encodableFlag: UInt16 { 1 }
}

/// The janitor's work on encoded forms.
struct Encoding {
    /// From one look at the index to the next, if there is a reason for one.
    private static let pauseMilliseconds: Int64 = 2_000
    /// Steps of the walk in one look: half a million places a second.
    private static let stepsAtOnce = 16
    /// Objects for which some form is still to be made; what does not fit is found again by the next walk.
    private static let mostJobs = 256
    private static let mostSettled = 1 << 16
    /// An object that expires sooner is not worth it.
    private static let shortestLifeMilliseconds: Int64 = 10_000
    /// Rest after work, as a multiple of the time it took.
    private static let restFactor: Int64 = 3
    /// Also after a piece of work that took long.
    private static let longestRest: Int64 = 60_000_000_000

    private struct Job {
        var object: PopularObject
        /// Those still to be made.
        var codings: CodingSet
        /// With those that are made.
        let wanted: CodingSet
    }

    private let codings: CodingSet
    private var walk = PopularWalk()
    private var jobs: [Job] = []
    /// By the stamps of objects the forms that they have or would gain nothing by. One that was evicted is not made
    /// again: nobody wanted it.
    private var settled: [UInt64: CodingSet] = [:]
    /// What this walk makes: what was missed before it began.
    private var wanted: CodingSet = []
    private var nextWalk = CacheInstant(nanoseconds: 0)
    private var restUntil = CacheInstant(nanoseconds: 0)

    init(codings: CodingSet) { self.codings = codings }

    /// Does the next piece of work, if any is due.
    ///
    /// - Returns: forms made, and for how many milliseconds there is nothing to do.
    mutating func step(_ lane: inout Lane) -> (made: Int, pause: Int32) {
        guard !codings.isEmpty else { return (0, .max) }
        let now = lane.clock()
        let mayWalk = !nextWalk.isAhead(of: now, longest: Encoding.pauseMilliseconds * 1_000_000)
        if jobs.isEmpty, mayWalk { find(&lane, now) }
        // Who misses a form wakes the janitor.
        guard !jobs.isEmpty else { return (0, !mayWalk ? pause(from: now, until: nextWalk) : .max) }
        guard !restUntil.isAhead(of: now, longest: Encoding.longestRest) else {
            return (0, pause(from: now, until: restUntil))
        }
        // By the processor time that it took: where others want the processor, the pauses come by themselves.
        let before = Encoding.processorNanoseconds()
        let made = work(&lane)
        let end = lane.clock()
        let cost = Encoding.processorNanoseconds() - before
        restUntil = CacheInstant(nanoseconds: end.nanoseconds + min(Encoding.restFactor * cost, Encoding.longestRest))
        return (made ? 1 : 0, jobs.isEmpty ? 0 : pause(from: end, until: restUntil))
    }

    private static func processorNanoseconds() -> Int64 { cl_clock_nanoseconds(Int32(CLOCK_PROCESS_CPUTIME_ID)) }

    private func pause(from now: CacheInstant, until then: CacheInstant) -> Int32 {
        Int32(clamping: max(0, then.nanoseconds - now.nanoseconds) / 1_000_000 + 1)
    }

    // MARK: Finding

    /// Goes on with the walk for a while; the next walk begins when something was missed since.
    private mutating func find(_ lane: inout Lane, _ now: CacheInstant) {
        if wanted.isEmpty {
            wanted = CodingSet(rawValue: UInt8(truncatingIfNeeded: lane.takeWantedForms())).intersection(codings)
        }
        guard !wanted.isEmpty else { return }
        nextWalk = CacheInstant(nanoseconds: now.nanoseconds + Encoding.pauseMilliseconds * 1_000_000)
        if settled.count >= Encoding.mostSettled { settled.removeAll() }
        if walkOn(&lane, now) { wanted = [] }
    }

    /// Takes down what there is to make. Whether the walk has come to the end.
    private mutating func walkOn(_ lane: inout Lane, _ now: CacheInstant) -> Bool {
        let (known, wanted) = (settled, wanted)
        var found: [Job] = []
        var isWhole = false
        var steps = 0
        while !isWhole, steps < Encoding.stepsAtOnce, found.count < Encoding.mostJobs {
            isWhole = lane.findPopular(&walk, callerFlags: Janitor.encodableFlag, now: now) { object in
                let sizes = Encodable.smallestBytes...Encodable.largestBytes
                let missing = wanted.subtracting(known[object.stamp] ?? [])
                guard found.count < Encoding.mostJobs, sizes.contains(object.bodyLength), !missing.isEmpty
                else { return }
                found.append(Job(object: object, codings: missing, wanted: missing))
            }
            steps += 1
        }
        jobs = found
        return isWhole
    }

    // MARK: Making

    /// Makes one form of the object that comes next. False when there was none to make.
    private mutating func work(_ lane: inout Lane) -> Bool {
        guard var job = jobs.popLast() else { return false }
        guard let coding = EncodedObject.next(job.codings) else {
            settled[job.object.stamp, default: []].formUnion(job.wanted)
            return false
        }
        job.codings.remove(CodingSet(coding))
        switch EncodedObject.read(job.object, coding, &lane, lifeMilliseconds: Encoding.shortestLifeMilliseconds) {
        case .gone: return false
        case .hasForm:
            jobs.append(job)
            return false
        case .body(let object):
            jobs.append(job)
            guard let form = Encoder.encode(object.body, as: coding),
                Encodable.isWorthKeeping(encodedBytes: form.count, of: object.body.count)
            else { return false }
            return object.store(form, coding, &lane)
        }
    }
}
