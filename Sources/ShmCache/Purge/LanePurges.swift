// Purging: each returns when every later lookup, join and commit, in every process, is bound by it.

extension Lane {
    /// Removes one object. Inside a turn. Returns whether it was stored.
    @discardableResult
    public borrowing func purge(hash: UInt64, key: RawSpan) -> Bool { fatalError("being written") }

    /// Purges all objects that carry a tag (or a host, which is a tag). Soft: they become stale instead.
    public borrowing func purge(tag: UInt64, soft: Bool = false) { fatalError("being written") }

    /// Purges all objects whose key begins with `head` and has `prefix` at byte `offset`.
    public borrowing func purge(keyHead head: RawSpan, prefix: RawSpan, at offset: Int) { fatalError("being written") }

    /// Purges everything.
    public borrowing func purgeEverything(soft: Bool = false) { fatalError("being written") }
}
