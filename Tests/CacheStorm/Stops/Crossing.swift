// Two processes at once: one is stopped before an access to the region, reads too, another does something whole, and
// the first one goes on. Once for every access of the first.
import CLinux
import Dice
@unsafe @preconcurrency import Glibc
import ShmCache
import WriteStops

struct Crossing {
    typealias Work = (Stage, borrowing Lane, () -> Void) -> Void

    let name: String
    var options = RegionOptions(sizeBytes: 1 << 20, averageObjectBytes: 2048)
    /// Keys and the ranks that may be found when both are done.
    let allowed: [(key: Int, ranks: [Int])]
    /// What may be found when a region without room has declined to store what the other process fetched.
    var keptWithoutRoom: Int?
    /// Accesses behind this one do not matter.
    var limit = Int.max
    let prepare: (Stage) throws -> Void
    /// What is stopped. Calls its argument where that begins.
    let play: StopScenario.Play
    /// What the other process does meanwhile, in a turn.
    let meanwhile: (Stage, borrowing Lane) -> Void
    /// What else must be right when both are done; nil when it is.
    var verdict: (Stage) throws -> String? = { _ in nil }

    /// In the child: what follows is not looked at.
    static func end() { ws_finish() }

    /// Work within a turn of the victim's lane. How that lane ends is not looked at.
    static func turn(_ work: @escaping Work) -> StopScenario.Play {
        { stage, offer in
            var lane = try stage.region.attachLane(Stage.victim)
            lane.beginTurn(now: stage.region.now())
            work(stage, lane, offer)
            lane.endTurn()
            ws_finish()
        }
    }
}

struct Crossings {
    let options: StopOptions
    let library = Library()
    private var dice: Dice
    private var runs = 0
    private var problems: [String] = []

    static func run(_ words: [String]) throws -> Int32 {
        guard ws_is_supported() else {
            print("{\"skipped\":\"single-stepping is only built for x86-64\"}")
            return 0
        }
        var test = Crossings(options: StopOptions(words))
        for crossing in Crossing.all where test.options.only.map({ crossing.name.hasPrefix($0) }) ?? true {
            try test.play(crossing)
        }
        let list = test.problems.prefix(10).map { "\"\($0)\"" }.joined(separator: ",")
        print(
            "{\"crossings\":\(test.runs),\"seed\":\(test.options.seed),\"problemCount\":\(test.problems.count),"
                + "\"problems\":[\(list)]}")
        return test.problems.isEmpty && test.runs > 0 ? 0 : 1
    }

    private init(options: StopOptions) {
        self.options = options
        dice = Dice(seed: options.seed)
    }

    private mutating func play(_ crossing: Crossing) throws {
        let before = (runs, problems.count)
        let count = min(crossing.limit, try countAccesses(crossing))
        let stride = max(1, count / options.accesses)
        var access = 1 + Int(dice.next() % UInt64(stride))
        while access <= count, try play(crossing, at: access) { access += stride }
        print("\(crossing.name): \(runs - before.0) of \(count) accesses, \(problems.count - before.1) problems")
    }

    private func countAccesses(_ crossing: Crossing) throws -> Int {
        let stage = try Stage(crossing.options, library)
        try crossing.prepare(stage)
        var child = Stepper(stage, crossing.play, readsToo: true)
        var count = 0
        while child.next() == .stopped { count += 1 }
        return count
    }

    /// False when the work has fewer accesses.
    private mutating func play(_ crossing: Crossing, at access: Int) throws -> Bool {
        let stage = try Stage(crossing.options, library)
        try crossing.prepare(stage)
        var child = Stepper(stage, crossing.play, readsToo: true)
        for _ in 0..<access {
            switch child.next() {
            case .stopped: continue
            case .finished: return false
            case .broken:
                note(crossing, access, "the process broke")
                return false
            }
        }
        runs += 1
        stage.turn { lane in crossing.meanwhile(stage, lane) }
        if child.run() != .finished { note(crossing, access, "the process broke afterwards") }
        let ranks = try Examiner.ranks(stage, crossing.allowed.map(\.key))
        let kept = stage.lastOutcome == .rejected(.noSpace) ? crossing.keptWithoutRoom : nil
        for (rank, (key, allowed)) in zip(ranks, crossing.allowed) where !allowed.contains(rank ?? -1) {
            if let rank, rank == kept { continue }
            note(crossing, access, "key \(key): " + (rank.map { "rank \($0)" } ?? "a wrong or missing byte"))
        }
        if let problem = try crossing.verdict(stage) { note(crossing, access, problem) }
        _ = consume child
        stage.ticket = nil
        stage.permit = nil
        stage.reader = nil
        let leftOver = try Storm.settle(stage.region, with: Stage.lanes - 1)
        for problem in leftOver.prefix(2) { note(crossing, access, problem) }
        return true
    }

    private mutating func note(_ crossing: Crossing, _ access: Int, _ problem: String) {
        problems.append("\(crossing.name), access \(access): \(problem)")
    }
}
