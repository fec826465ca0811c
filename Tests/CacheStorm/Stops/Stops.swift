// The exhaustive kill test: one process works on a region and is stopped before every instruction that writes it. At
// each stop the region is copied, the process's death noted in the copy as the kernel would, and the copy examined. The
// recovery of what such deaths leave is stopped in the same way. Now and then the process is really killed, and the
// region must be what the copy was, byte for byte.
import CLinux
import Dice
@unsafe @preconcurrency import Glibc
import ShmCache
import WriteStops

struct StopOptions {
    /// Only every so-maniest stop is examined, and only every so-maniest recovery stopped.
    var stride = 1
    var recoveries = 1
    /// At most so many accesses of a work are crossed, evenly spread.
    var accesses = 600
    var seed = UInt64.random(in: 1...1_000_000)
    var only: String?

    init(_ words: [String]) {
        var i = 0
        while i < words.count {
            let value = i + 1 < words.count ? words[i + 1] : ""
            switch words[i] {
            case "--quick":
                (stride, recoveries, accesses) = (8, 60, 12)
                i -= 1
            case "--stride": stride = max(1, Int(value) ?? 1)
            case "--recoveries": recoveries = max(1, Int(value) ?? 1)
            case "--accesses": accesses = max(1, Int(value) ?? 1)
            case "--seed": seed = UInt64(value) ?? 1
            case "--only": only = value
            case "--without": StormOptions.leaveOut(value)
            default: Storm.fail("there is no option \(words[i])")
            }
            i += 2
        }
    }
}

struct Stops {
    let options: StopOptions
    let library = Library()
    private var dice: Dice
    private var stops = 0
    private var examined = 0
    private var kills = 0
    private var perPhase: [String: Int] = [:]
    private var problems: [String] = []
    private var recoveries = (begun: 0, stops: 0)

    /// Prints a line per scenario and a line of JSON; 1 when something was wrong.
    static func run(_ words: [String]) throws -> Int32 {
        guard ws_is_supported() else {
            print("{\"skipped\":\"single-stepping is only built for x86-64\"}")
            return 0
        }
        var test = Stops(options: StopOptions(words))
        for scenario in StopScenario.all where test.options.only.map({ scenario.name.hasPrefix($0) }) ?? true {
            try test.play(scenario)
        }
        print(test.report())
        return test.problems.isEmpty && test.stops > 0 ? 0 : 1
    }

    private init(options: StopOptions) {
        self.options = options
        dice = Dice(seed: options.seed)
    }

    private func report() -> String {
        let phases = perPhase.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",")
        let list = problems.prefix(10).map { "\"\($0)\"" }.joined(separator: ",")
        return "{\"stops\":\(stops),\"examined\":\(examined),\"recoveries\":\(recoveries.begun),"
            + "\"recoveryStops\":\(recoveries.stops),\"realKills\":\(kills),\"seed\":\(options.seed),"
            + "\"phases\":{\(phases)},\"problemCount\":\(problems.count),\"problems\":[\(list)]}"
    }

    private mutating func play(_ scenario: StopScenario) throws {
        let before = recoveries.stops
        let stage = try Stage(scenario.options, library)
        try scenario.prepare(stage)
        let (count, phases) = try series(stage, scenario, recovering: true)
        print("\(scenario.name): \(count) stops, \(recoveries.stops - before) in recoveries")
        for phase in scenario.phases where phases["\(phase)"] == nil {
            problems.append("\(scenario.name): no stop in \(phase)")
        }
        if count > 0 { try killReally(scenario, at: 1 + Int(dice.next() % UInt64(count))) }
    }

    /// Runs a scenario stop by stop, to its end.
    private mutating func series(_ stage: Stage, _ scenario: StopScenario, recovering: Bool) throws -> (
        Int, [String: Int]
    ) {
        let copy = try Stage(copyOf: stage.region, library)
        var tracker = Tracker(
            scenario.watched, start: try Examiner.ranks(copy, scenario.watched.map(\.key)))
        var child = Stepper(stage, scenario.play)
        var count = 0
        var phases: [String: Int] = [:]
        var known: Set<UInt64> = []
        while true {
            let event = child.next()
            guard event == .stopped else {
                if event == .broken { problems.append("\(scenario.name): the process broke after \(count) stops") }
                break
            }
            count += 1
            stops += 1
            phases["\(stage.region.lanePhase(Stage.victim))", default: 0] += 1
            let isNew = known.insert(child.instruction).inserted
            if count % options.stride != 0, !isNew { continue }
            let isTurn = recovering && isNew && known.count % options.recoveries == 0
            if isTurn { try recoverStepwise(stage, scenario, child.pid, tracker, "\(scenario.name), stop \(count)") }
            try examine(stage, copy, scenario, child.pid, &tracker, "\(scenario.name), stop \(count)")
        }
        try examine(stage, copy, scenario, child.pid, &tracker, "\(scenario.name), at its end")
        if recovering { problems += tracker.unfinished.map { "\(scenario.name): \($0)" } }
        for (phase, n) in phases { perPhase[phase, default: 0] += n }
        return (count, phases)
    }

    private mutating func examine(
        _ stage: Stage, _ copy: Stage, _ scenario: StopScenario, _ dead: pid_t, _ tracker: inout Tracker,
        _ place: String
    ) throws {
        copy.become(stage.region)
        copy.region.noteDeath(ofThread: dead)
        examined += 1
        let examiner = Examiner(
            stage: copy, targets: scenario.targets, isTight: scenario.isTight, recoversFirst: examined % 2 == 0)
        for problem in try examiner.examine(&tracker).prefix(2) { problems.append("\(place): \(problem)") }
    }

    /// The recovery of a death at this place, stopped at each of its own writes.
    private mutating func recoverStepwise(
        _ stage: Stage, _ scenario: StopScenario, _ dead: pid_t, _ tracker: Tracker, _ place: String
    ) throws {
        let wreck = try Stage(copyOf: stage.region, library)
        wreck.region.noteDeath(ofThread: dead)
        let found = try Examiner.ranks(wreck, tracker.watched)
        let watched = zip(tracker.watched, found).map { StopScenario.Watched($0, [$1 ?? -1]) }
        wreck.become(stage.region)
        wreck.region.noteDeath(ofThread: dead)
        let recovery = StopScenario(
            name: "recovery after \(place)", options: scenario.options, watched: watched, targets: scenario.targets,
            isTight: scenario.isTight,
            play: { stage, offer in
                offer()
                stage.region.recoverDeadLanes()
            })
        recoveries.begun += 1
        recoveries.stops += try series(wreck, recovery, recovering: false).0
    }

    /// The same work again, and a real death at one stop.
    private mutating func killReally(_ scenario: StopScenario, at wanted: Int) throws {
        let stage = try Stage(scenario.options, library)
        try scenario.prepare(stage)
        let copy = try Stage(copyOf: stage.region, library)
        var tracker = Tracker(
            scenario.watched, start: try Examiner.ranks(copy, scenario.watched.map(\.key)))
        var child = Stepper(stage, scenario.play)
        var count = 0
        while count < wanted, child.next() == .stopped { count += 1 }
        copy.become(stage.region)
        copy.region.noteDeath(ofThread: child.pid)
        _ = consume child
        kills += 1
        let isSame =
            unsafe memcmp(
                stage.region.mappedRange.baseAddress!, copy.region.mappedRange.baseAddress!, stage.region.fileBytes)
            == 0
        if !isSame { problems.append("\(scenario.name), killed at stop \(count): not what its copy was") }
        stage.ticket = nil
        stage.permit = nil
        stage.reader = nil
        let examiner = Examiner(
            stage: stage, targets: scenario.targets, isTight: scenario.isTight, recoversFirst: wanted % 2 == 0)
        for problem in try examiner.examine(&tracker).prefix(2) {
            problems.append("\(scenario.name), killed at stop \(count): \(problem)")
        }
    }
}
