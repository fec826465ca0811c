// Atomic words of the mapping. Everything that two processes may touch at once goes through these two types; whoever
// makes one vouches for the address, every use of it is safe.
internal import CLinux

/// A 64-bit word in the mapping.
@safe
struct SharedWord64 {
    let address: UnsafeMutableRawPointer

    @inline(__always)
    init(_ address: UnsafeMutableRawPointer) {
        unsafe self.address = address
    }

    @inline(__always)
    var relaxed: UInt64 { unsafe cl_load64_relaxed(address) }
    @inline(__always)
    var acquired: UInt64 { unsafe cl_load64_acquire(address) }
    @inline(__always)
    var sequential: UInt64 { unsafe cl_load64_seqcst(address) }
    @inline(__always)
    func relax(_ value: UInt64) { unsafe cl_store64_relaxed(address, value) }
    @inline(__always)
    func release(_ value: UInt64) { unsafe cl_store64_release(address, value) }
    @inline(__always)
    func publish(_ value: UInt64) { unsafe cl_store64_seqcst(address, value) }
    /// One exchange if the word holds `expected`. Sequentially consistent.
    @inline(__always)
    func swap(_ expected: UInt64, to desired: UInt64) -> Bool { unsafe cl_cas64_seqcst(address, expected, desired) }
    @inline(__always)
    func swapRelaxed(_ expected: UInt64, to desired: UInt64) -> Bool {
        unsafe cl_cas64_relaxed(address, expected, desired)
    }
    /// Adds; returns the value before.
    @inline(__always)
    @discardableResult
    func add(_ amount: UInt64) -> UInt64 { unsafe cl_add64_seqcst(address, amount) }
    @inline(__always)
    @discardableResult
    func or(_ bits: UInt64) -> UInt64 { unsafe cl_or64_seqcst(address, bits) }
    @inline(__always)
    @discardableResult
    func and(_ bits: UInt64) -> UInt64 { unsafe cl_and64_seqcst(address, bits) }

    /// Adds to a word that only the caller's lane writes.
    @inline(__always)
    func bumpOwn(_ amount: UInt64) { relax(relaxed &+ amount) }
}

/// A 32-bit word in the mapping.
@safe
struct SharedWord32 {
    let address: UnsafeMutableRawPointer

    @inline(__always)
    init(_ address: UnsafeMutableRawPointer) {
        unsafe self.address = address
    }

    @inline(__always)
    var relaxed: UInt32 { unsafe cl_load32_relaxed(address) }
    @inline(__always)
    var acquired: UInt32 { unsafe cl_load32_acquire(address) }
    @inline(__always)
    var sequential: UInt32 { unsafe cl_load32_seqcst(address) }
    @inline(__always)
    func relax(_ value: UInt32) { unsafe cl_store32_relaxed(address, value) }
    @inline(__always)
    func release(_ value: UInt32) { unsafe cl_store32_release(address, value) }
    @inline(__always)
    func publish(_ value: UInt32) { unsafe cl_store32_seqcst(address, value) }
    @inline(__always)
    func swap(_ expected: UInt32, to desired: UInt32) -> Bool { unsafe cl_cas32_seqcst(address, expected, desired) }
    @inline(__always)
    @discardableResult
    func add(_ amount: UInt32) -> UInt32 { unsafe cl_add32_seqcst(address, amount) }
    @inline(__always)
    @discardableResult
    func exchange(_ value: UInt32) -> UInt32 { unsafe cl_exchange32_seqcst(address, value) }

    /// Raises the word to at least `value`.
    func raise(to value: UInt32) {
        var seen = sequential
        while seen < value && !swap(seen, to: value) { seen = sequential }
    }

    /// Subtracts, but not below zero. For figures, where losing a race matters little.
    func subtractClamped(_ amount: UInt32) {
        var seen = relaxed
        while !swap(seen, to: seen > amount ? seen - amount : 0) { seen = relaxed }
    }
}

/// The one full fence of the engine's protocols; callers say in a comment what it separates.
@inline(__always)
func fullFence() {
    cl_fence_seqcst()
}

/// The same behind an exchange or an addition of a shared word, which on x86 is such a fence by itself: nothing there.
@inline(__always)
func exchangeFence() {
    cl_fence_after_exchange()
}
