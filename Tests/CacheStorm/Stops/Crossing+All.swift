// Which works are crossed with which.
import CLinux
@unsafe @preconcurrency import Glibc
import ShmCache

extension Crossing {
    private static let small = StopScenario.small
    private static let large = StopScenario.large

    static var all: [Crossing] {
        commits + confirmations + backwards + moves
            + [twoStarts, lateReader, secondRecovery, lookUpInRing, lappedPurge, recoveryMeanwhile]
    }

    /// Purges of key 1, all kinds.
    private static var purges: [(String, (Stage, borrowing Lane) -> Void)] {
        [
            ("purge key", { $0.purge(1, $1) }), ("purge tag", { $1.purge(tag: 1) }),
            ("purge prefix", { $0.purgePrefix(1, $1) }), ("purge everything", { $1.purgeEverything() }),
        ]
    }

    /// A fill that began before the purge.
    private static var commits: [Crossing] {
        purges.map { name, purge in
            Crossing(
                name: "commit, \(name)", allowed: [(1, [0])],
                prepare: { $0.store([Content.ranked(1, 1, small)]) },
                play: turn { stage, lane, offer in
                    guard var permit = stage.start(1, lane) else { return }
                    offer()
                    _ = stage.finish(&permit, Content.ranked(1, 2, small))
                }, meanwhile: purge)
        }
    }

    private static var confirmations: [Crossing] {
        purges.map { name, purge in
            Crossing(
                name: "freshen, \(name)", allowed: [(1, [0])],
                prepare: { $0.store([Content.ranked(1, 1, small)]) },
                play: turn { stage, lane, offer in
                    guard var permit = stage.start(1, lane) else { return }
                    offer()
                    _ = stage.confirm(&permit, 1, rank: 2, lane)
                }, meanwhile: purge)
        }
    }

    /// The purge is stopped, and fills commit meanwhile.
    private static var backwards: [Crossing] {
        let works: [(String, (Stage, borrowing Lane) -> Void)] = [
            (
                "commit",
                { stage, _ in
                    guard var permit = stage.permit.take() else { return }
                    _ = stage.finish(&permit, Content.ranked(1, 2, small))
                }
            ),
            (
                "freshen",
                { stage, lane in
                    guard var permit = stage.permit.take() else { return }
                    _ = stage.confirm(&permit, 1, rank: 2, lane)
                }
            ),
        ]
        return purges.flatMap { name, purge in
            works.map { workName, work in
                Crossing(
                    name: "\(name), \(workName)", allowed: [(1, [0])],
                    prepare: { stage in
                        stage.store([Content.ranked(1, 1, small)])
                        stage.turn { lane in stage.permit = stage.start(1, lane) }
                    },
                    play: turn { stage, lane, offer in
                        offer()
                        purge(stage, lane)
                    }, meanwhile: work)
            }
        } + [
            // What was confirmed while the purge of its address ran is the purged body.
            Crossing(
                name: "purge key, freshen anew", allowed: [(1, [0])],
                prepare: { $0.store([Content.ranked(1, 1, small)]) },
                play: turn { stage, lane, offer in
                    offer()
                    stage.purge(1, lane)
                }, meanwhile: { stage, lane in stage.confirm(1, rank: 2, lane) })
        ]
    }

    /// Objects that move while they are purged or replaced.
    private static var moves: [Crossing] {
        let raw = turn { stage, lane, offer in
            let bytes = Content.keyBytes(1)
            let hash = stage.hash(1)
            offer()
            _ = unsafe lane.keepRawCopy(hash: hash, key: bytes.span.bytes)
        }
        let text = Content.ranked(1, 1, 2000..<3000, compressible: true)
        let relocation: StopScenario.Play = { stage, offer in
            var lane = try stage.region.attachLane(Stage.victim)
            StopScenario.fillUp(stage, &lane)
            offer()
            lane.maintain(now: stage.region.now(), maximumSegments: 1)
            Crossing.end()
        }
        return [
            Crossing(
                name: "keep raw, purge key", allowed: [(1, [0])], prepare: { $0.store([text]) }, play: raw,
                meanwhile: { $0.purge(1, $1) }),
            Crossing(
                name: "keep raw, replace", allowed: [(1, [2])], prepare: { $0.store([text]) }, play: raw,
                meanwhile: { stage, lane in stage.store(Content.ranked(1, 2, small), lane) }),
            Crossing(
                name: "relocate, purge key", allowed: [(102, [0])], prepare: { StopScenario.crowd($0, popular: true) },
                play: relocation, meanwhile: { $0.purge(102, $1) }),
            Crossing(
                name: "relocate, replace", allowed: [(102, [0, 2])], keptWithoutRoom: 1,
                prepare: { StopScenario.crowd($0, popular: true) }, play: relocation,
                meanwhile: { stage, lane in stage.store(Content.ranked(102, 2, small), lane) }),
            chainMeanwhile,
        ]
    }

    /// Entries move behind a link while a purge looks for one of them.
    private static var chainMeanwhile: Crossing {
        let (prepared, purged) = (1000..<1300, 1000..<1010)
        return Crossing(
            name: "purge key, chain", options: StopScenario.fewBuckets, allowed: purged.map { ($0, [0]) },
            prepare: { stage in
                for key in prepared where stage.region.unusedSpareBuckets > 0 {
                    stage.store([Content.ranked(key, 1, 0..<60)])
                }
            },
            play: turn { stage, lane, offer in
                offer()
                for key in purged { stage.purge(key, lane) }
            },
            meanwhile: { stage, lane in
                let before = stage.region.unusedSpareBuckets
                for key in 3000..<3300 where stage.region.unusedSpareBuckets == before {
                    stage.store(Content.ranked(key, 1, 0..<60), lane)
                }
            })
    }

    /// Two processes miss the same key: one of them fetches.
    private static var twoStarts: Crossing {
        Crossing(
            name: "start, start", allowed: [(1, [0])], prepare: { _ in },
            play: turn { stage, lane, offer in
                offer()
                let permit = stage.start(1, lane)
                stage.report(permit == nil ? 0 : 1)
                Crossing.end()
                _ = permit?.born
            }, meanwhile: { stage, lane in stage.permit = stage.start(1, lane) },
            verdict: { stage in
                let isOurs = stage.permit != nil
                return isOurs && stage.reported == 1 ? "both fetch" : nil
            })
    }

    /// The last reader leaves while the owner ends the fill: one of them gives the entry back.
    private static var lateReader: Crossing {
        Crossing(
            name: "leave, finish", allowed: [(1, [2])],
            prepare: { stage in stage.turn { lane in stage.permit = stage.start(1, lane) } },
            play: turn { stage, lane, offer in
                let ticket = stage.join(1, lane)
                offer()
                _ = consume ticket
            },
            meanwhile: { stage, _ in
                guard var permit = stage.permit.take() else { return }
                _ = stage.finish(&permit, Content.ranked(1, 2, small))
            },
            verdict: { stage in
                let figures = stage.region.statistics()
                return figures.fillsRunning + figures.fillsLingering == 0 ? nil : "a fill is never given back"
            })
    }

    /// A lane is tidied up again while a fill that it once claimed is given back by its successor and claimed anew.
    private static var secondRecovery: Crossing {
        Crossing(
            name: "attach, finish and start", allowed: [(1, [2])],
            prepare: { stage in
                stage.die { stage, lane in
                    let permit = stage.start(1, lane)
                    kill(getpid(), SIGKILL)
                    _ = permit?.born
                }
                stage.turn { lane in
                    if let ticket = stage.join(1, lane) { stage.permit = ticket.takeOver() }
                }
            },
            play: { stage, offer in
                offer()
                let lane = try stage.region.attachLane(Stage.dead)
                Crossing.end()
                _ = lane.index
            },
            meanwhile: { stage, lane in
                guard var permit = stage.permit.take() else { return }
                _ = stage.finish(&permit, Content.ranked(1, 2, small))
                stage.permit = stage.start(1, lane)
            },
            verdict: { stage in
                var lane = try stage.region.attachLane(Stage.examiner)
                lane.beginTurn(now: stage.region.now())
                let second = stage.start(1, lane)
                let both = second != nil && stage.permit != nil
                _ = consume second
                lane.endTurn()
                return both ? "both fetch" : nil
            })
    }

    /// The purge that covers the key is overwritten in the ring during a lookup.
    private static var lookUpInRing: Crossing {
        Crossing(
            name: "look up, overwritten purge", allowed: [(1, [0])], limit: 100,
            prepare: { stage in
                stage.store([Content.ranked(1, 1, small)])
                stage.turn { lane in
                    stage.purgePrefix(1, lane)
                    for _ in 1..<256 { stage.purgePrefix(4, lane) }
                }
            },
            play: turn { stage, lane, offer in
                let bytes = Content.keyBytes(1)
                let hash = stage.hash(1)
                offer()
                stage.report(unsafe lane.lookup(hash: hash, key: bytes.span.bytes) == nil ? 0 : 1)
            }, meanwhile: { $0.purgePrefix(4, $1) },
            verdict: { $0.reported == 0 ? nil : "a purged object was found" })
    }

    /// A prefix purge that is lapped by a whole ring of others.
    private static var lappedPurge: Crossing {
        Crossing(
            name: "purge prefix, 256 others", allowed: [(1, [0])],
            prepare: { $0.store([Content.ranked(1, 1, small)]) },
            play: turn { stage, lane, offer in
                offer()
                stage.purgePrefix(4, lane)
            },
            meanwhile: { stage, lane in
                for _ in 1..<256 { stage.purgePrefix(5, lane) }
                stage.purgePrefix(1, lane)
            })
    }

    /// A lane is recovered while a large object is confirmed: its segments are nobody's for a moment.
    private static var recoveryMeanwhile: Crossing {
        Crossing(
            name: "freshen large, recover", allowed: [(1, [2])],
            prepare: { stage in
                stage.store([Content.ranked(1, 1, large)])
                stage.die { _, _ in _ = kill(getpid(), SIGKILL) }
            },
            play: turn { stage, lane, offer in
                guard var permit = stage.start(1, lane) else { return }
                offer()
                _ = stage.confirm(&permit, 1, rank: 2, lane)
            }, meanwhile: { stage, _ in stage.region.recoverDeadLanes() })
    }
}
