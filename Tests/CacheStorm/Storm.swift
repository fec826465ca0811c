// The kill fuzz of the cache: processes work on one region and verify every byte they read, while this one kills them at
// random, recovers or lets others recover, and in the end checks that nothing leaked. Prints one line of JSON.
import CLinux
@unsafe @preconcurrency import Glibc
import ShmCache

/// What the children count, in a node region that outlives them.
enum Count: Int, CaseIterable {
    case lookups, hits, wrongReads, fills, joins, commits, takeovers, purges, recoveries
}

struct StormOptions {
    var kills = 300
    var processes = 3
    var seed: UInt64 = 1
    var sizeBytes = 4 << 20

    init(arguments: [String]) {
        var i = 1
        while i + 1 < arguments.count {
            let value = UInt64(arguments[i + 1]) ?? 0
            switch arguments[i] {
            case "--kills": kills = Int(value)
            case "--processes": processes = Int(value)
            case "--seed": seed = value
            case "--size": sizeBytes = Int(value)
            default: break
            }
            i += 2
        }
    }
}

@main
struct Storm {
    static func main() throws {
        if CommandLine.arguments.count >= 4, CommandLine.arguments[1] == "--replay" {
            let numbers = CommandLine.arguments.dropFirst(3).map { Int($0) ?? 0 }
            return try Replay(path: CommandLine.arguments[2]).run(capacity: numbers[0], byteWeight: numbers.dropFirst().first ?? 0)
        }
        if CommandLine.arguments.count >= 4, CommandLine.arguments[1] == "--lookup" {
            return try LookupBench.run(
                objects: Int(CommandLine.arguments[2]) ?? 16, rounds: Int(CommandLine.arguments[3]) ?? 1_000_000)
        }
        let options = StormOptions(arguments: CommandLine.arguments)
        let region = try CacheRegion.create(RegionOptions(sizeBytes: options.sizeBytes, laneCount: 8))
        let node = try NodeRegion.create(laneCount: 8, slotCount: 1, counterCount: Count.allCases.count)
        var dice = Dice(seed: options.seed)
        var children = [pid_t](repeating: 0, count: options.processes)
        var kills = 0
        var phases: [UInt32: Int] = [:]
        for lane in 0..<children.count { children[lane] = start(region, node, lane, dice.next()) }
        while kills < options.kills {
            usleep(UInt32(dice.next() % 3000))
            let lane = Int(dice.next() % UInt64(children.count))
            kill(children[lane], SIGKILL)
            let status = cl_wait(children[lane])
            if status & 0x7f != SIGKILL { fail("child ended with status \(status)") }
            kills += 1
            phases[region.lanePhase(lane), default: 0] += 1
            // Recovery by this process, or by the successor, or by whichever worker needs the space.
            if dice.next() % 2 == 0 { region.recoverLane(lane) }
            children[lane] = start(region, node, lane, dice.next())
        }
        for child in children {
            kill(child, SIGKILL)
            _ = cl_wait(child)
        }
        let problems = try settle(region)
        report(node, kills: kills, phases: phases, problems: problems)
        exit(problems.isEmpty && node.total(counter: Count.wrongReads.rawValue) == 0 ? 0 : 1)
    }

    static func start(_ region: borrowing CacheRegion, _ node: borrowing NodeRegion, _ lane: Int, _ seed: UInt64) -> pid_t {
        let pid = cl_fork()
        if pid < 0 { fail("fork failed") }
        if pid > 0 { return pid }
        do {
            let counters = node.counters(lane: lane)
            var actor = Actor(lane: try region.attachLane(lane), index: lane, dice: Dice(seed: seed))
            while true { actor.turn(region, counters) }
        } catch {
            fail("\(error)")
        }
    }

    /// With everybody dead: recovers, lets limbo drain, and looks for what is broken or lost.
    static func settle(_ region: borrowing CacheRegion) throws -> [String] {
        region.recoverDeadLanes()
        var lane = try region.attachLane(7)
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

    static func report(_ node: borrowing NodeRegion, kills: Int, phases: [UInt32: Int], problems: [String]) {
        var text = "{\"kills\":\(kills)"
        for count in Count.allCases { text += ",\"\(count)\":\(node.total(counter: count.rawValue))" }
        let inside = phases.filter { $0.key != 0 }.values.reduce(0, +)
        text += ",\"killsInsideMutations\":\(inside),\"phases\":{"
        text += phases.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",")
        text += "},\"problems\":["
        text += problems.prefix(10).map { "\"\($0)\"" }.joined(separator: ",") + "]}"
        print(text)
    }

    static func fail(_ text: String) -> Never {
        _ = unsafe fputs("storm: \(text)\n", unsafe stderr)
        exit(2)
    }
}
