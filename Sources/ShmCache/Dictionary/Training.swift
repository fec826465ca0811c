// Making dictionaries: when a kind of small objects has enough samples, what they have in common is found (ZDICT),
// tried on them, and published if it pays. Only a janitor does this.
internal import CLZ4
internal import CLinux
internal import CZstd

/// What a look for dictionaries did.
public struct TrainingOutcome: Sendable, Equatable {
    /// Dictionaries published, and candidates that did not pay.
    public var published = 0
    public var refused = 0
    /// Small objects looked at.
    public var samples = 0

    /// Nothing done.
    public init() {}
}

/// What a janitor remembers about kinds of objects between its looks.
struct TrainingMemory {
    /// Unpacked objects that had been counted at the last look.
    var unpackedThen: UInt64 = 0
    /// When to look at a kind again, and how long to wait the next time.
    var nextLook: [UInt32: (at: CacheInstant, pauseSeconds: Int64)] = [:]
    var notBefore = CacheInstant(nanoseconds: 0)
    var pauseNanoseconds = Self.shortestPause

    static let shortestPause: Int64 = 50_000_000
    static let longestPause: Int64 = 60_000_000_000
    /// Also after a look that took long.
    static let longestRest: Int64 = 600_000_000_000
    static let shortestLook: Int64 = 60
    static let longestLook: Int64 = 3600
}

extension Lane {
    /// Whether enough small objects came in unpacked since the last look, and when a look is allowed.
    public borrowing func wantsTraining(now: CacheInstant) -> (wanted: Bool, at: CacheInstant) {
        let unpacked = core.map.global64(GlobalWords.unpackedObjects).relaxed
        return (
            core.map.dictionaryCount > 0 && unpacked != core.training.unpackedThen,
            core.training.notBefore.isAhead(of: now, longest: TrainingMemory.longestRest)
                ? core.training.notBefore : now
        )
    }

    /// Looks for kinds of small objects that a dictionary would help, and makes it. Between two turns; takes a fraction
    /// of a second. For a janitor.
    public mutating func trainDictionaries(now: CacheInstant) -> TrainingOutcome {
        core.now = now
        return core.train()
    }
}

extension LaneCore {
    /// Objects of a kind that make a dictionary worth a try.
    static let fewestSamples = 200

    fileprivate func train() -> TrainingOutcome {
        var outcome = TrainingOutcome()
        training.unpackedThen = map.global64(GlobalWords.unpackedObjects).relaxed
        let began = LaneCore.processorNanoseconds()
        let collection = collectSamples()
        let isSomethingNew = collection.contains {
            training.nextLook[$0.key] == nil && $0.value.sizes.count >= LaneCore.fewestSamples / 4
        }
        for (kind, samples) in collection where samples.sizes.count >= LaneCore.fewestSamples {
            outcome.samples += samples.sizes.count
            if let look = training.nextLook[kind],
                look.at.isAhead(of: now, longest: look.pauseSeconds * 1_000_000_000)
            {
                continue
            }
            let isPublished = train(kind, samples)
            if isPublished { outcome.published += 1 } else { outcome.refused += 1 }
            let pause = training.nextLook[kind]?.pauseSeconds ?? TrainingMemory.shortestLook / 4
            let next = min(TrainingMemory.longestLook, pause * 4)
            training.nextLook[kind] = (
                CacheInstant(nanoseconds: now.nanoseconds + next * 1_000_000_000), next
            )
        }
        // A small part of the processor's time, and less and less while nothing comes of it.
        let cost = LaneCore.processorNanoseconds() - began
        training.pauseNanoseconds =
            outcome.published > 0 || isSomethingNew
            ? TrainingMemory.shortestPause : min(TrainingMemory.longestPause, training.pauseNanoseconds * 2)
        let rest = min(max(training.pauseNanoseconds, 4 * cost), TrainingMemory.longestRest)
        training.notBefore = CacheInstant(nanoseconds: CacheClock.now(map).nanoseconds + rest)
        return outcome
    }

    private static func processorNanoseconds() -> Int64 { cl_clock_nanoseconds(Int32(CLOCK_PROCESS_CPUTIME_ID)) }

    /// Trains a dictionary and publishes it if it saves a tenth against what there is.
    private func train(_ kind: UInt32, _ samples: Samples) -> Bool {
        guard let text = Training.text(samples) else { return false }
        let current = dictionary(of: kind)
        let before = current.map {
            unsafe Training.size(samples, with: map.dictionaryText($0), map.dictionaryLength($0))
        }
        let plain = Training.plainSize(samples)
        let candidate = unsafe text.withUnsafeBytes {
            unsafe Training.size(samples, with: $0.baseAddress, $0.count)
        }
        guard candidate * 10 <= min(before ?? plain, plain) * 9 else { return false }
        return during(.dictionary) {
            guard let id = publish(text, kind) else { return false }
            if let current { retire(dictionary: current, unless: id) }
            map.announceDictionaries()
            return true
        }
    }

    /// Puts a text into a free place of the table. Nil when there is none.
    func publish(_ text: [UInt8], _ kind: UInt32) -> Int? {
        for id in 0..<map.dictionaryCount {
            let state = map.dictionaryState(id)
            guard state.phase == .free else { continue }
            let building = DictionaryState(.building, owner: lane, gen: state.gen &+ 1)
            let word = map.dictionary64(id, DictionaryWords.state)
            guard word.swap(state.word, to: building.word) else { continue }
            let length = min(text.count, DictionaryWords.textBytes)
            unsafe text.withUnsafeBytes {
                unsafe map.dictionaryText(id).copyMemory(from: $0.baseAddress!, byteCount: length)
            }
            map.dictionary32(id, DictionaryWords.kind).relax(kind)
            map.dictionary32(id, DictionaryWords.length).relax(UInt32(length))
            map.dictionary64(id, DictionaryWords.references).relax(0)
            map.dictionary32(id, DictionaryWords.since).relax(now.seconds)
            map.dictionary32(id, DictionaryWords.stamp).relax(map.computeStamp(id))
            word.publish(building.with(.live).word)
            return id
        }
        return nil
    }

    private func retire(dictionary id: Int, unless other: Int) {
        guard id != other else { return }
        let state = map.dictionaryState(id)
        guard state.phase == .live else { return }
        map.dictionary32(id, DictionaryWords.since).relax(now.seconds)
        _ = map.dictionary64(id, DictionaryWords.state).swap(state.word, to: state.with(.retiring).word)
    }
}

/// The arithmetic of training, on private memory.
enum Training {
    /// What the samples have in common, the most common last. Nil when they have too little.
    static func text(_ samples: Samples) -> [UInt8]? {
        var text = [UInt8](repeating: 0, count: DictionaryWords.textBytes + 512)
        let length = unsafe samples.bytes.withUnsafeBytes { bytes in
            unsafe text.withUnsafeMutableBytes { target in
                unsafe ZDICT_trainFromBuffer(
                    target.baseAddress, target.count, bytes.baseAddress, samples.sizes, UInt32(samples.sizes.count))
            }
        }
        guard ZDICT_isError(length) == 0, length > 512 else { return nil }
        // In front are tables that only zstd could use.
        let head = unsafe text.withUnsafeBytes { unsafe ZDICT_getDictHeaderSize($0.baseAddress, length) }
        guard ZDICT_isError(head) == 0, head < length else { return nil }
        return Array(text[max(head, length - DictionaryWords.textBytes)..<length])
    }

    /// Bytes that the samples take packed with a dictionary.
    static func size(_ samples: Samples, with text: UnsafeRawPointer?, _ length: Int) -> Int {
        let fresh = UnsafeMutablePointer<LZ4_stream_t>.allocate(capacity: 1)
        let working = UnsafeMutablePointer<LZ4_stream_t>.allocate(capacity: 1)
        let output = ScratchBuffer(count: Unpacker.largestBytes * 2)
        defer {
            unsafe fresh.deallocate()
            unsafe working.deallocate()
        }
        _ = unsafe LZ4_initStream(fresh, MemoryLayout<LZ4_stream_t>.size)
        _ = unsafe LZ4_loadDict(fresh, text?.assumingMemoryBound(to: CChar.self), Int32(length))
        return unsafe sum(samples) { sample, size, _ in
            unsafe working.update(from: fresh, count: 1)
            return Int(
                unsafe LZ4_compress_fast_continue(
                    working, sample.assumingMemoryBound(to: CChar.self),
                    output.start.assumingMemoryBound(to: CChar.self), Int32(size), Int32(output.count), 1))
        }
    }

    /// Bytes that they take without: the header block as it is, the body by itself.
    static func plainSize(_ samples: Samples) -> Int {
        let output = ScratchBuffer(count: Unpacker.largestBytes * 2)
        return unsafe sum(samples) { sample, size, header in
            let body = size - header
            let packed = Int(
                unsafe LZ4_compress_default(
                    (sample + header).assumingMemoryBound(to: CChar.self),
                    output.start.assumingMemoryBound(to: CChar.self), Int32(body), Int32(output.count)))
            return header + (packed > 0 ? min(body, packed) : body)
        }
    }

    /// Adds up over a quarter of the samples.
    private static func sum(_ samples: Samples, _ measure: (UnsafeRawPointer, Int, Int) -> Int) -> Int {
        var (total, offset) = (0, 0)
        unsafe samples.bytes.withUnsafeBytes { bytes in
            for (i, size) in samples.sizes.enumerated() {
                if i % 4 == 0, let start = bytes.baseAddress {
                    total += unsafe measure(start + offset, size, samples.headers[i])
                }
                offset += size
            }
        }
        return total
    }
}
