// Choosing the moment of a kill: after so many turns of the victim, and mostly in the middle of a change of the region.
// For that a timer interrupts every process of the storm at random moments; its handler looks at the phase word of the
// process's lane, at whatever instruction it interrupted, and ends the process there if the word is what the parent
// wants to see.
import CLinux
import Dice
@unsafe @preconcurrency import Glibc
import ShmCache

@safe
struct Aim: ~Copyable {
    /// What a worker can be in the middle of, so that kills land in each.
    static let worker: [LanePhase] = [
        .startFill, .append, .commit, .evict, .relocate, .purge, .takeover, .releaseFill, .recover, .grow, .compact,
    ]
    /// The same of a janitor, which fills too.
    static let janitor: [LanePhase] = [.startFill, .append, .commit, .evict, .compact, .promote, .dictionary]
    static let mutations = worker + [.promote, .dictionary]
    /// Wants any of them.
    static let any: UInt32 = 0xff
    private static let lanes = 128

    /// The wanted phase of each lane, and behind them all the phase that it was struck in; shared with all children.
    private let wanted: UnsafeMutablePointer<UInt32>

    init() {
        let page = unsafe mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
        unsafe wanted = page!.bindMemory(to: UInt32.self, capacity: Aim.lanes)
    }

    /// How long to lie in wait for a phase, in milliseconds. A dictionary takes a while to make, and before whole
    /// segments go the sparse ones do.
    private static func patience(_ phase: LanePhase) -> Int32 {
        switch phase {
        case .dictionary: 400
        case .evict, .relocate, .promote: 100
        default: 40
        }
    }

    /// Makes the calling child a target.
    func expose(_ lane: Int, _ region: borrowing CacheRegion, seed: UInt64) {
        unsafe Target.wanted = wanted + lane
        unsafe Target.struck = wanted + Aim.lanes + lane
        unsafe Target.phase = region.lanePhaseWord(lane)
        unsafe Target.dice = seed
        signal(SIGALRM) { _ in Target.look() }
        Target.look()
    }

    /// What a lane's process is to be struck in, so that it comes to it; a worker sees to it that the janitor comes to
    /// what that is to be struck in.
    func wanted(_ lane: Int) -> LanePhase {
        let own = LanePhase(rawValue: unsafe cl_load32_relaxed(wanted + lane)) ?? .idle
        guard own == .idle else { return own }
        let others = LanePhase(rawValue: unsafe cl_load32_relaxed(wanted + World.janitorLane)) ?? .idle
        return others == .evict || others == .promote ? .evict : .idle
    }

    /// Ends the victim in that phase or, if it does not come to it in time, in any other mutation. Says in which:
    /// others may have recovered the lane before anybody can look. Nil when it came to none.
    func strike(_ process: pid_t, in phase: LanePhase, lane: Int) -> LanePhase? {
        unsafe cl_store32_seqcst(wanted + Aim.lanes + lane, 0)
        defer { unsafe cl_store32_seqcst(wanted + lane, 0) }
        unsafe cl_store32_seqcst(wanted + lane, phase.rawValue)
        if !Aim.hasEnded(process, within: Aim.patience(phase)) {
            unsafe cl_store32_seqcst(wanted + lane, Aim.any)
            guard Aim.hasEnded(process, within: 40) else { return nil }
        }
        return LanePhase(rawValue: unsafe cl_load32_relaxed(wanted + Aim.lanes + lane))
    }

    private static func hasEnded(_ process: pid_t, within milliseconds: Int32) -> Bool {
        var entry = pollfd(fd: cl_pidfd_open(process), events: Int16(POLLIN), revents: 0)
        defer { close(entry.fd) }
        return unsafe poll(&entry, 1, milliseconds) > 0
    }

    /// Waits until a process has worked up to a turn, for a second at most.
    static func wait(forTurn wanted: UInt64, of lane: Int, _ world: borrowing World) {
        let end = World.time() + 1_000_000_000
        while turn(world.region, lane) < wanted, World.time() < end { usleep(100) }
    }

    static func turn(_ region: borrowing CacheRegion, _ lane: Int) -> UInt64 {
        if case .live(_, let turn, _) = region.laneState(lane) { turn } else { 0 }
    }
}

/// What the signal handler of a child knows.
private enum Target {
    nonisolated(unsafe) static var wanted: UnsafeMutablePointer<UInt32>?
    nonisolated(unsafe) static var struck: UnsafeMutablePointer<UInt32>?
    nonisolated(unsafe) static var phase: UnsafeRawPointer?
    nonisolated(unsafe) static var dice: UInt64 = 1

    static func look() {
        guard let wanted = unsafe wanted, let struck = unsafe struck, let phase = unsafe phase else { return }
        let aim = unsafe cl_load32_relaxed(wanted)
        if aim != 0 {
            let now = unsafe cl_load32_relaxed(phase)
            // Packing works in private memory.
            let isMutation = now != LanePhase.idle.rawValue && now != LanePhase.finish.rawValue
            if now == aim || (aim == Aim.any && isMutation) {
                unsafe cl_store32_seqcst(struck, now)
                kill(getpid(), SIGKILL)
            }
        }
        unsafe dice = dice &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        // These two are short and far between: looked for more often.
        let isRare = aim == LanePhase.promote.rawValue || aim == LanePhase.dictionary.rawValue
        let pause = unsafe aim == 0 ? 1000 : isRare ? 1 + Int(dice >> 33) % 12 : 4 + Int(dice >> 33) % 60
        var timer = itimerval(
            it_interval: timeval(tv_sec: 0, tv_usec: 0), it_value: timeval(tv_sec: 0, tv_usec: pause))
        _ = unsafe setitimer(__itimer_which_t(ITIMER_REAL.rawValue), &timer, nil)
    }
}
