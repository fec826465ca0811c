// The classic BPF program that sends a new connection to one of the live slots of a reuseport group: where workers are
// pinned to CPUs to the one on the CPU that received the packet, else at random. One program does both. Pure: attaching
// is Listeners' business. The index of a slot in its group is the order in which the group's sockets began to listen,
// which is the slot's number.

enum Steering {
    /// Instructions packed as `cl_attach_reuseport_cbpf` takes them.
    ///
    /// - Parameter placement: the CPU of each slot, slots beyond its end beginning anew; empty when none is pinned.
    static func program(live: [Int], placement: [Int] = []) -> [UInt64] {
        precondition(!live.isEmpty)
        return byCPU(live, placement) + atRandom(live)
    }

    /// Returns the slot whose worker runs on the CPU that handles the packet, if there is exactly one such slot.
    private static func byCPU(_ live: [Int], _ placement: [Int]) -> [UInt64] {
        guard !placement.isEmpty, live.count <= placement.count else { return [] }
        let cpus = live.map { placement[$0 % placement.count] }
        var program = [instruction(code: 0x20, k: 0xffff_f000 + 36)]  // A = SKF_AD_CPU
        for (slot, cpu) in zip(live, cpus) where cpus.count(where: { $0 == cpu }) == 1 {
            program.append(instruction(code: 0x15, skipIfFalse: 1, k: UInt32(cpu)))
            program.append(instruction(code: 0x06, k: UInt32(slot)))
        }
        return program
    }

    private static func atRandom(_ live: [Int]) -> [UInt64] {
        let loadRandom = instruction(code: 0x20, k: 0xffff_f000 + 56)  // A = SKF_AD_RANDOM
        let modulo = instruction(code: 0x94, k: UInt32(live.count))  // A %= count
        let isDense = live == Array(0..<live.count)
        if isDense { return [loadRandom, modulo, instruction(code: 0x16, k: 0)] }  // return A
        var program = [loadRandom, modulo]
        for (index, slot) in live.enumerated() {
            // if A == index return slot, else skip the return
            program.append(instruction(code: 0x15, skipIfFalse: 1, k: UInt32(index)))
            program.append(instruction(code: 0x06, k: UInt32(slot)))
        }
        program.append(instruction(code: 0x06, k: UInt32(live[0])))
        return program
    }

    private static func instruction(code: UInt16, skipIfFalse: UInt8 = 0, k: UInt32) -> UInt64 {
        UInt64(code) << 48 | UInt64(skipIfFalse) << 32 | UInt64(k)
    }
}
