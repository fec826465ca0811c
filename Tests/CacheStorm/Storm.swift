// The kill fuzz of the cache: processes work on one region and verify every byte they read, while this one kills them
// at random, recovers or lets others recover, and in the end checks that nothing leaked. Prints one line of JSON.
import CLinux
import Dice
@unsafe @preconcurrency import Glibc
import ShmCache

struct StormOptions {
    var kills = 300
    var seconds = Int.max
    var processes = 3
    var seed: UInt64 = 1
    var sizeBytes = 8 << 20
    /// A victim works for at most this many turns.
    var turns: UInt64 = 300
    /// One read in so many pauses in the middle of its turn.
    var slowReads: UInt64 = 2000

    init(arguments: [String]) {
        var i = 1
        while i + 1 < arguments.count {
            let value = UInt64(arguments[i + 1]) ?? 0
            switch arguments[i] {
            case "--kills": kills = Int(value)
            case "--seconds": seconds = Int(value)
            case "--processes": processes = min(World.janitorLane, Int(value))
            case "--seed": seed = value
            case "--size": sizeBytes = Int(value)
            case "--turns": turns = max(1, value)
            case "--slow": slowReads = max(1, value)
            case "--without": StormOptions.leaveOut(arguments[i + 1])
            default: Storm.fail("there is no option \(arguments[i])")
            }
            i += 2
        }
    }

    /// The negative controls exist in debug builds only.
    static func leaveOut(_ protection: String) {
        #if DEBUG
            switch protection {
            case "epoch-wait": unsafe Faults.waitForEpochs = false
            case "pin-scan": unsafe Faults.scanPins = false
            default:
                guard let part = Omission(rawValue: protection) else {
                    Storm.fail("there is no protection \(protection)")
                }
                unsafe Faults.omitted = part
            }
        #else
            Storm.fail("a release build has no negative controls")
        #endif
    }
}

@main
struct Storm {
    static func main() throws {
        // Children that are forked may not print again what was not written yet.
        unsafe setlinebuf(stdout)
        if CommandLine.arguments.count >= 4, CommandLine.arguments[1] == "--lookup" {
            return try LookupBench.run(
                objects: Int(CommandLine.arguments[2]) ?? 16, rounds: Int(CommandLine.arguments[3]) ?? 1_000_000)
        }
        if CommandLine.arguments.count >= 2, CommandLine.arguments[1] == "--stops" {
            exit(try Stops.run(Array(CommandLine.arguments.dropFirst(2))))
        }
        if CommandLine.arguments.count >= 2, CommandLine.arguments[1] == "--crossings" {
            exit(try Crossings.run(Array(CommandLine.arguments.dropFirst(2))))
        }
        let options = StormOptions(arguments: CommandLine.arguments)
        let world = try World(
            sizeBytes: options.sizeBytes, lanes: 2 * World.firstSpareLane, slowReads: options.slowReads)
        var dice = Dice(seed: options.seed)
        let lanes = Array(0..<options.processes) + [World.janitorLane]
        var children: [Int: pid_t] = [:]
        var turns: [Int: UInt64] = [:]
        var toll = Toll()
        let aim = Aim()
        for lane in lanes { children[lane] = start(world, aim, lane, dice.next()) }
        let end = World.time() + UInt64(min(options.seconds, 1 << 20)) * 1_000_000_000
        while toll.kills < options.kills, World.time() < end {
            let lane = lanes[Int(dice.next() % UInt64(lanes.count))]
            guard let victim = children[lane] else {
                children[lane] = start(world, aim, lane, dice.next())
                continue
            }
            // Most victims are at work; some are killed while they start.
            if dice.next() % 8 != 0 {
                // A janitor's turns are fewer.
                let most = lane == World.janitorLane ? 1 + options.turns / 10 : options.turns
                let now = turns[lane, default: 0]
                Aim.wait(forTurn: now + 2 + dice.next() % most, of: lane, world)
            }
            turns[lane] = Aim.turn(world.region, lane)
            let aims = lane == World.janitorLane ? Aim.janitor : Aim.worker
            let isBlind = dice.next() % 8 == 0
            let wanted = aims[Int(dice.next() % UInt64(aims.count))]
            let struck = isBlind ? nil : aim.strike(victim, in: wanted, lane: lane)
            if struck == nil { kill(victim, SIGKILL) }
            let status = cl_wait(victim)
            if status & 0x7f != SIGKILL { fail("child ended with status \(status)") }
            toll.note(struck ?? world.region.lanePhase(lane), isJanitor: lane == World.janitorLane)
            // Recovery by this process, or by the successor, or by whichever worker needs the space.
            if dice.next() % 2 == 0 { world.region.recoverLane(lane) }
            // Now and then the workers are without a janitor for a while.
            let isMissed = lane == World.janitorLane && dice.next() % 2 == 0
            children[lane] = isMissed ? nil : start(world, aim, lane, dice.next())
        }
        for child in children.values {
            kill(child, SIGKILL)
            _ = cl_wait(child)
        }
        let problems = try settle(world.region)
        print(toll.report(world, problems))
        let wrong = world.count(.wrongReads) + world.count(.purgedReads)
        exit(problems.isEmpty && wrong == 0 ? 0 : 1)
    }

    static func start(_ world: borrowing World, _ aim: borrowing Aim, _ lane: Int, _ seed: UInt64) -> pid_t {
        let pid = cl_fork()
        if pid < 0 { fail("fork failed") }
        if pid > 0 { return pid }
        // A storm that fails or is interrupted leaves no process behind.
        if cl_die_with_parent() != 0 { exit(0) }
        aim.expose(lane, world.region, seed: seed)
        do {
            var actor = Actor(
                lane: try world.region.attachLane(lane), index: lane, seed: seed,
                counters: world.node.counters(lane: lane))
            if lane == World.janitorLane { actor.lane.becomeJanitor() }
            while true {
                let wanted = aim.wanted(lane)
                if lane == World.janitorLane { actor.keepUp(world, wanted) } else { actor.turn(world, wanted) }
            }
        } catch {
            fail("\(error)")
        }
    }

    /// With everybody dead: recovers, lets limbo drain, and looks for what is broken or lost.
    static func settle(_ region: borrowing CacheRegion, with index: Int = 7) throws -> [String] {
        region.recoverDeadLanes()
        var lane = try region.attachLane(index)
        for _ in 0..<4 {
            lane.beginTurn(now: region.now())
            lane.endTurn()
            lane.reclaim(now: region.now())
        }
        _ = consume lane
        var problems = region.checkInvariants()
        let figures = region.statistics()
        if figures.segmentsEvicting + figures.segmentsStaging + figures.segmentsLimbo > 0 {
            problems.append("segments leaked: \(figures)")
        }
        if figures.fillsRunning + figures.fillsLingering > 0 { problems.append("fills stuck: \(figures)") }
        return problems
    }

    static func fail(_ text: String) -> Never {
        _ = unsafe fputs("storm: \(text)\n", unsafe stderr)
        exit(2)
    }
}

/// Where the kills landed.
struct Toll {
    private(set) var kills = 0
    private var workers: [String: Int] = [:]
    private var janitor: [String: Int] = [:]

    mutating func note(_ phase: LanePhase, isJanitor: Bool) {
        kills += 1
        if isJanitor { janitor["\(phase)", default: 0] += 1 } else { workers["\(phase)", default: 0] += 1 }
    }

    private func text(_ phases: [String: Int]) -> String {
        "{" + phases.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
    }

    func report(_ world: borrowing World, _ problems: [String]) -> String {
        var text = "{\"kills\":\(kills)"
        for count in Count.allCases { text += ",\"\(count)\":\(world.count(count))" }
        text += ",\"packedInTheEnd\":\(world.region.statistics().packedObjects)"
        // Packing works in private memory.
        let phases = workers.merging(janitor, uniquingKeysWith: +)
        let inside = kills - phases["idle", default: 0] - phases["finish", default: 0]
        // Where none landed is said too.
        for phase in Aim.mutations where phases["\(phase)"] == nil { text += ",\"no kill in \(phase)\":0" }
        text +=
            ",\"killsInsideMutations\":\(inside),\"share\":\(Double(inside * 1000 / max(1, kills)) / 1000)"
        text += ",\"phases\":\(self.text(workers)),\"janitorPhases\":\(self.text(janitor)),\"problems\":["
        return text + problems.prefix(10).map { "\"\($0)\"" }.joined(separator: ",") + "]}"
    }
}
