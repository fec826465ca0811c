// Setting the fields of an item's header that share a word. Only for items that nobody can find yet.

extension ItemHeader {
    /// The lengths of an item that is not packed; its flags say so already.
    func store(headerLength: Int, bodyLength: Int) {
        store(UInt64(headerLength & 0xff_ffff) | UInt64(bodyLength) << 24, 24)
    }

    /// The lengths of a packed item, and what unpacks it; its flags say so already.
    func store(packedHeader headerLength: Int, body bodyLength: Int, dictionary: Int, stamp: UInt32) {
        store(UInt16(headerLength), 24)
        store(UInt16(bodyLength), 26)
        store(stamp, 28)
        store(UInt16(dictionary), 62)
    }

    func store(itemLength: Int) { store(UInt32(itemLength), 16) }
    func store(flags: Flags) { store(flags.rawValue, 23) }
    func store(extentCount: Int) { store(UInt16(extentCount), 62) }
    func store(bodyChecksum: UInt32) { store(bodyChecksum, 40) }

    /// The number of the commit: 48 bits last for nine years of a million a second.
    func store(sequence: UInt64) {
        store(UInt32(truncatingIfNeeded: sequence), 56)
        store(UInt16(truncatingIfNeeded: sequence >> 32), 60)
    }

    /// Last of all: the checksum of everything but the body's bytes and the gen.
    func seal(_ chunkShift: Int) { store(computeChecksum(chunkShift), 44) }
}
