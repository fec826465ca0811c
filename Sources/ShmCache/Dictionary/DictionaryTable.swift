// The table of dictionaries: bytes that many small objects of one kind have in common. A dictionary's bytes never
// change while an item may need them; only a janitor makes and removes dictionaries, everybody reads them.

/// Words of a dictionary, 64 bytes; its text follows.
///
///       0  state 8: phase 4 | 12 unused | owner lane 8 | 8 unused | gen 32
///       8  kind 4 (site and content class) | text length 4
///      16  stamp 4 (a checksum of the text, never 0) | 0 4
///      24  items that need it, as last counted 8
///      32  seconds since it is what it is 4 | 0 4
///      40  limbo epoch 8
enum DictionaryWords {
    static let size = 64
    static let textBytes = 16384
    static let state = 0
    static let kind = 8
    static let length = 12
    static let stamp = 16
    static let references = 24
    static let since = 32
    static let limboEpoch = 40
}

/// The states of a dictionary. Numbers are part of the file format.
enum DictionaryPhase: UInt64 {
    case free = 0
    /// A janitor writes its text.
    case building
    /// New items use it.
    case live
    /// Items still need it, no new one does.
    case retiring
    /// Nothing needs it; free once every turn of before is over.
    case limbo
}

/// A dictionary's state word.
struct DictionaryState: Equatable {
    var word: UInt64

    init(word: UInt64) { self.word = word }

    init(_ phase: DictionaryPhase, owner: Int = SegmentState.noOwner, gen: UInt32) {
        word = phase.rawValue | UInt64(owner) << 16 | UInt64(gen) << 32
    }

    var phase: DictionaryPhase { DictionaryPhase(rawValue: word & 15) ?? .free }
    var owner: Int { Int(word >> 16 & 255) }
    var gen: UInt32 { UInt32(word >> 32) }
    /// Whether items can be read with it.
    var isReadable: Bool { phase == .live || phase == .retiring }
    func with(_ phase: DictionaryPhase) -> DictionaryState { DictionaryState(phase, gen: gen) }
}

extension RegionMap {
    func dictionary64(_ id: Int, _ field: Int) -> SharedWord64 {
        word64(dictionaries + id * dictionaryStride + field)
    }
    func dictionary32(_ id: Int, _ field: Int) -> SharedWord32 {
        word32(dictionaries + id * dictionaryStride + field)
    }
    func dictionaryState(_ id: Int) -> DictionaryState {
        DictionaryState(word: dictionary64(id, DictionaryWords.state).acquired)
    }
    func dictionaryText(_ id: Int) -> UnsafeMutableRawPointer {
        unsafe base + dictionaries + id * dictionaryStride + DictionaryWords.size
    }
    /// Bytes of a dictionary's text.
    func dictionaryLength(_ id: Int) -> Int {
        min(DictionaryWords.textBytes, Int(dictionary32(id, DictionaryWords.length).relaxed))
    }

    /// What the text's checksum says now.
    func computeStamp(_ id: Int) -> UInt32 {
        unsafe checksum32(dictionaryText(id), dictionaryLength(id)) | 1
    }

    /// Tells every lane to look at the table again.
    func announceDictionaries() { global64(GlobalWords.dictionaryVersion).add(1) }

    /// A lane is gone: what it was building was nobody's yet.
    func settleDictionaries(of lane: Int) {
        for id in 0..<dictionaryCount {
            let state = dictionaryState(id)
            guard state.phase == .building, state.owner == lane else { continue }
            _ = dictionary64(id, DictionaryWords.state).swap(state.word, to: state.with(.free).word)
        }
    }

    /// After a reboot, before anybody is attached: nothing is being built or read; with `verifying`, damaged ones go.
    func adoptDictionaries(verifying: Bool) {
        for id in 0..<dictionaryCount {
            let state = dictionaryState(id)
            let isWhole =
                state.isReadable && (!verifying || computeStamp(id) == dictionary32(id, DictionaryWords.stamp).relaxed)
            guard state.phase != .free, !isWhole else { continue }
            dictionary64(id, DictionaryWords.state).relax(state.with(.free).word)
            dictionary32(id, DictionaryWords.stamp).relax(0)
        }
    }
}

extension LaneCore {
    /// The dictionary that new items of a kind use.
    func dictionary(of kind: UInt32) -> Int? {
        guard map.dictionaryCount > 0 else { return nil }
        let version = map.global64(GlobalWords.dictionaryVersion).acquired
        if version != knownVersion {
            knownVersion = version
            knownDictionaries.removeAll(keepingCapacity: true)
            for id in 0..<map.dictionaryCount where map.dictionaryState(id).phase == .live {
                knownDictionaries[map.dictionary32(id, DictionaryWords.kind).relaxed] = id
            }
        }
        return knownDictionaries[kind]
    }
}

extension ItemAttributes {
    /// Objects of one kind share a dictionary; 0 is no kind.
    var kind: UInt32 { contentClass == 0 ? 0 : UInt32(site) << 16 | UInt32(contentClass) }
}
