// Scenarios about purges, and about room: eviction, the index's growth, the region's growth.
import ShmCache

// Purges.
extension StopScenario {
    static var purges: [StopScenario] {
        [
            purging("purge key") { $0.purge(1, $1) },
            purging("purge large") { $0.purge(2, $1) },
            purging("purge tag") { $1.purge(tag: UInt64(1 % Purgeable.tags)) },
            purging("purge prefix") { $0.purgePrefix(1, $1) },
            purging("purge prefix, full ring", fullRing: true) { $0.purgePrefix(1, $1) },
            purging("purge everything") { $1.purgeEverything() },
            purging("purge key softly") { $0.purge(1, $1, soft: true) },
            purging("purge prefix softly") { $0.purgePrefix(1, $1, soft: true) },
            purging("purge tag softly") { $1.purge(tag: UInt64(1 % Purgeable.tags), soft: true) },
            purging("purge everything softly") { $1.purgeEverything(soft: true) },
        ]
    }

    private static func purging(
        _ name: String, fullRing: Bool = false, _ work: @escaping (Stage, borrowing Lane) -> Void
    ) -> StopScenario {
        let removed: [Int] =
            switch name {
            // Overwriting the oldest of a full ring purges what was there before it: these are younger.
            case "purge key", "purge tag", "purge prefix", "purge prefix, full ring": [1]
            case "purge large": [2]
            case let name where name.hasSuffix("softly"): []
            default: [1, 2, 3]
            }
        let watched = [1, 2, 3].map { key in Watched(key, removed.contains(key) ? [1, 0] : [1]) }
        return StopScenario(
            name: name, watched: watched, targets: [1],
            phases: [.purge],
            prepare: { stage in
                if fullRing {
                    stage.turn { lane in
                        for n in 0..<300 { stage.purgePrefix(n == 44 ? 5 : 4, lane) }
                    }
                }
                stage.store([
                    Content.ranked(1, 1, small), Content.ranked(2, 1, large), Content.ranked(3, 1, chunked),
                ])
            },
            play: turn(work))
    }
}

// Room.
extension StopScenario {
    static var room: [StopScenario] { [evicting, relocating, chaining, indexing, growing, leaving] }

    private static let crowd = 100..<900

    /// Fills the region until three segments are free: one less, and something would be evicted.
    static func crowd(_ stage: Stage, popular: Bool) {
        for key in crowd {
            if stage.region.statistics().segmentsFree <= 3 { break }
            stage.store([Content.ranked(key, 1, 1500..<9000)])
        }
        guard popular else { return }
        // Read three times: what is popular is copied when its segment goes.
        for _ in 0..<3 {
            stage.turn { lane in for key in crowd where key % 3 == 0 { _ = stage.rank(key, lane) } }
        }
    }

    /// Takes what is left until only one segment is free, and evicts nothing for it.
    static func fillUp(_ stage: Stage, _ lane: inout Lane) {
        lane.beginTurn(now: stage.region.now())
        for key in 950..<1000 where stage.region.statistics().segmentsFree > 1 {
            stage.store(Content.ranked(key, 1, 2000..<3000), lane)
        }
        lane.endTurn()
    }

    private static var evicting: StopScenario {
        StopScenario(
            name: "evict", watched: crowd.map { Watched($0, [1, 0]) }, targets: [100], isTight: true, phases: [.evict],
            prepare: { crowd($0, popular: false) },
            play: lane(after: { StopScenario.fillUp($0, &$1) }) { stage, lane in
                lane.maintain(now: stage.region.now(), maximumSegments: 2)
            })
    }

    private static var relocating: StopScenario {
        StopScenario(
            name: "relocate", watched: crowd.map { Watched($0, $0 % 3 == 0 ? [1] : [1, 0]) }, targets: [100],
            isTight: true, phases: [.evict, .relocate],
            prepare: { crowd($0, popular: true) },
            play: lane(after: { StopScenario.fillUp($0, &$1) }) { stage, lane in
                lane.maintain(now: stage.region.now(), maximumSegments: 2)
            })
    }

    /// An index made for few objects.
    static let fewBuckets = RegionOptions(sizeBytes: 1 << 20, averageObjectBytes: 1 << 14)

    /// One made for more objects than fit a segment of it: it may take one more at once.
    private static let manyBuckets = RegionOptions(sizeBytes: 1 << 20, averageObjectBytes: 700)

    private static func storeMany(_ stage: Stage, until isEnough: () -> Bool) {
        for key in 1000..<9000 {
            if isEnough() { return }
            stage.store([Content.ranked(key, 1, 0..<60)])
        }
        Storm.fail("the index never filled up")
    }

    /// The first bucket gets a link.
    private static var chaining: StopScenario {
        StopScenario(
            name: "chain a bucket", options: fewBuckets,
            watched: untouched + (1000..<1300).map { Watched($0, [1, 0]) },
            targets: [20],
            prepare: { stage in
                stage.store(others)
                let all = stage.region.unusedSpareBuckets
                storeMany(stage) { stage.region.unusedSpareBuckets < all }
            },
            play: turn { stage, lane in
                let before = stage.region.unusedSpareBuckets
                for key in 9000..<9100 where stage.region.unusedSpareBuckets == before {
                    stage.store(Content.ranked(key, 1, 0..<60), lane)
                }
            })
    }

    /// The index takes a segment.
    private static var indexing: StopScenario {
        StopScenario(
            name: "extend the index", options: manyBuckets, watched: untouched, targets: [20],
            prepare: { stage in
                stage.store(others)
                storeMany(stage) { stage.region.unusedSpareBuckets == 0 }
            },
            play: turn { stage, lane in
                for key in 9000..<9100 where stage.region.statistics().segmentsIndex == 0 {
                    stage.store(Content.ranked(key, 1, 0..<60), lane)
                }
            })
    }

    private static var growing: StopScenario {
        StopScenario(
            name: "grow",
            options: RegionOptions(sizeBytes: 1 << 20, maximumSizeBytes: 2 << 20, averageObjectBytes: 2048),
            watched: untouched, targets: [20],
            play: { stage, offer in
                offer()
                try stage.region.grow(toBytes: 3 << 19)
                try stage.region.grow(toBytes: 2 << 20)
            })
    }

    private static var leaving: StopScenario {
        StopScenario(
            name: "attach and leave", watched: untouched, targets: [20],
            play: { stage, offer in
                offer()
                var lane = try stage.region.attachLane(Stage.victim)
                lane.beginTurn(now: stage.region.now())
                lane.endTurn()
            })
    }
}
