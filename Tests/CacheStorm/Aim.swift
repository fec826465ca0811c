// Choosing the moment of a kill: after so many turns of the victim, and often in the middle of a change of the region.
// For that the parent pelts the victim with signals, whose handler looks at the phase word of the victim's lane at
// whatever instruction it interrupted, and ends the process there if the word is the wanted one.
import CLinux
@unsafe @preconcurrency import Glibc
import ShmCache

@safe
struct Aim: ~Copyable {
    /// What a victim can be in the middle of, so that kills land in each.
    static let mutations: [LanePhase] = [
        .startFill, .append, .commit, .evict, .relocate, .purge, .takeover, .releaseFill, .recover, .grow,
    ]
    /// Those that come rarely by themselves are aimed at more often.
    private static let targets = mutations + [.evict, .relocate, .purge, .takeover, .recover, .grow]
    /// How long to lie in wait for a rare phase, in nanoseconds.
    private static let patience: UInt64 = 60_000_000
    private static let lanes = 128

    /// The wanted phase of each lane, shared with all children.
    private let wanted: UnsafeMutablePointer<UInt32>

    init() {
        // A child is no target before it says so.
        signal(SIGUSR1, SIG_IGN)
        let page = unsafe mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
        unsafe wanted = page!.bindMemory(to: UInt32.self, capacity: Aim.lanes)
    }

    static func phase(_ dice: inout Dice) -> LanePhase { targets[Int(dice.next() % UInt64(targets.count))] }

    /// Makes the calling child a target.
    func expose(_ lane: Int, _ region: borrowing CacheRegion) {
        unsafe Target.wanted = wanted + lane
        unsafe Target.phase = region.lanePhaseWord(lane)
        signal(SIGUSR1) { _ in Target.struck() }
    }

    /// What a lane's process is to be struck in, so that it comes to it.
    func wanted(_ lane: Int) -> LanePhase? { LanePhase(rawValue: unsafe cl_load32_relaxed(wanted + lane)) }

    /// Ends the victim in that phase; false when it did not come to it in time.
    func strike(_ process: pid_t, in phase: LanePhase, lane: Int) -> Bool {
        unsafe cl_store32_seqcst(wanted + lane, phase.rawValue)
        defer { unsafe cl_store32_seqcst(wanted + lane, 0) }
        let end = World.time() + Aim.patience
        while World.time() < end {
            kill(process, SIGUSR1)
            if cl_has_ended(process) { return true }
            // The next signal finds it at another instruction.
            for _ in 0..<50 { cl_fence_seqcst() }
        }
        return false
    }

    /// Waits until a process has worked up to a turn, for a second at most.
    static func wait(forTurn wanted: UInt64, of lane: Int, _ world: borrowing World) {
        let end = World.time() + 1_000_000_000
        while turn(world.region, lane) < wanted, World.time() < end { sched_yield() }
    }

    static func turn(_ region: borrowing CacheRegion, _ lane: Int) -> UInt64 {
        if case .live(_, let turn, _) = region.laneState(lane) { turn } else { 0 }
    }
}

/// What the signal handler of a child knows.
private enum Target {
    nonisolated(unsafe) static var wanted: UnsafeMutablePointer<UInt32>?
    nonisolated(unsafe) static var phase: UnsafeRawPointer?

    static func struck() {
        guard let wanted = unsafe wanted, let phase = unsafe phase else { return }
        let now = unsafe cl_load32_relaxed(phase)
        if now != 0, unsafe cl_load32_relaxed(wanted) == now { kill(getpid(), SIGKILL) }
    }
}
