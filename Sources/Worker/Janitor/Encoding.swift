// Which objects the janitor encodes, and when: it walks the index for popular ones that may be encoded, a step at a
// time, makes one form at a time, and rests three times as long as that kept the processor. Nothing waits for a form.

internal import CachePolicy
internal import Glibc
internal import ShmCache

extension Janitor {
    /// The caller flag of objects whose header block says that they may be encoded: the walk need not read that.
    static var encodableFlag: UInt16 { 1 }
}

/// The janitor's work on encoded forms.
struct Encoding {
    /// Between two looks at the index while they find something, and when the last one found nothing: then the walk
    /// comes with the janitor's own waking.
    private static let pauseMilliseconds: Int64 = 2_000
    private static let idleMilliseconds: Int64 = 5_000
    /// Steps of the walk in one look: half a million places a second.
    private static let stepsAtOnce = 16
    /// Objects for which some form is still to be made; what does not fit is found again by the next walk.
    private static let mostJobs = 256
    private static let mostSettled = 1 << 16
    /// An object that expires sooner is not worth it.
    private static let shortestLifeMilliseconds: Int64 = 10_000
    /// Rest after work, as a multiple of the time it took.
    private static let restFactor: Int64 = 3

    private struct Job {
        var object: PopularObject
        /// Those still to be made.
        var codings: CodingSet
    }

    private let codings: CodingSet
    private var walk = PopularWalk()
    private var jobs: [Job] = []
    /// Stamps of objects that have their forms, or gain nothing by them. One that was evicted is not made again: nobody
    /// wanted it.
    private var settled: Set<UInt64> = []
    private var nextWalk = CacheInstant(nanoseconds: 0)
    private var restUntil = CacheInstant(nanoseconds: 0)
    private var hitsSeen = UInt64.max

    init(codings: CodingSet) { self.codings = codings }

    /// Does the next piece of work, if any is due. `hits` is how many the node has had.
    ///
    /// - Returns: forms made, and for how many milliseconds there is nothing to do.
    mutating func step(_ lane: inout Lane, hits: UInt64) -> (made: Int, pause: Int32) {
        guard !codings.isEmpty else { return (0, .max) }
        let now = lane.clock()
        if jobs.isEmpty, now >= nextWalk { find(&lane, now, hits: hits) }
        guard !jobs.isEmpty else { return (0, pause(from: now, until: nextWalk)) }
        guard now >= restUntil else { return (0, pause(from: now, until: restUntil)) }
        // By the processor time that it took: where others want the processor, the pauses come by themselves.
        let before = Encoding.processorNanoseconds()
        let made = work(&lane)
        let end = lane.clock()
        let cost = Encoding.processorNanoseconds() - before
        restUntil = CacheInstant(nanoseconds: end.nanoseconds + Encoding.restFactor * cost)
        return (made ? 1 : 0, jobs.isEmpty ? 0 : pause(from: end, until: restUntil))
    }

    private static func processorNanoseconds() -> Int64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    private func pause(from now: CacheInstant, until then: CacheInstant) -> Int32 {
        Int32(clamping: max(0, then.nanoseconds - now.nanoseconds) / 1_000_000 + 1)
    }

    // MARK: Finding

    /// Goes on with the walk for a while; the next walk begins when there were hits since.
    private mutating func find(_ lane: inout Lane, _ now: CacheInstant, hits: UInt64) {
        nextWalk = CacheInstant(nanoseconds: now.nanoseconds + Encoding.idleMilliseconds * 1_000_000)
        guard hits != hitsSeen else { return }
        if settled.count >= Encoding.mostSettled { settled.removeAll() }
        var found: [Job] = []
        let known = settled
        var isWhole = false
        var steps = 0
        while !isWhole, steps < Encoding.stepsAtOnce, found.count < Encoding.mostJobs {
            isWhole = lane.findPopular(&walk, callerFlags: Janitor.encodableFlag, now: now) { object in
                let sizes = Encodable.smallestBytes...Encodable.largestBytes
                guard found.count < Encoding.mostJobs, sizes.contains(object.bodyLength), !known.contains(object.stamp)
                else { return }
                found.append(Job(object: object, codings: codings))
            }
            steps += 1
        }
        jobs = found
        if isWhole { hitsSeen = hits }
        guard !isWhole || !found.isEmpty else { return }
        nextWalk = CacheInstant(nanoseconds: now.nanoseconds + Encoding.pauseMilliseconds * 1_000_000)
    }

    // MARK: Making

    /// Makes one form of the object that comes next. False when there was none to make.
    private mutating func work(_ lane: inout Lane) -> Bool {
        guard var job = jobs.popLast() else { return false }
        guard let coding = EncodedObject.next(job.codings) else {
            settled.insert(job.object.stamp)
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
