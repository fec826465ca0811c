// Starting fills.

extension Lane {
    /// What to do about a miss: own the fetch, or read from whoever fetches already. Inside a turn. `refreshing` is for
    /// the revalidation of an object that is still stored.
    public borrowing func startFill(hash: UInt64, key: RawSpan, refreshing: Bool = false) -> FillStart {
        fatalError("being written")
    }
}
