// The classic BPF program that sends a new connection to one of the live slots of a reuseport group, at random. Pure:
// attaching is Listeners' business. The index of a slot in its group is the order in which the group's sockets began
// to listen, which is the slot's number.

enum Steering {
    /// Instructions packed as `cl_attach_reuseport_cbpf` takes them.
    static func program(live: [Int]) -> [UInt64] {
        precondition(!live.isEmpty)
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
