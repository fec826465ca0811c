// What an operator did or met that ends a command: one clear line and an exit code.

struct Failure: Error, Equatable, CustomStringConvertible {
    enum Kind: Int32, Equatable, Sendable {
        /// The machine, the network or the node did not allow it.
        case runtime = 1
        /// The command line or the configuration is wrong.
        case usage = 2
    }

    var kind: Kind
    var description: String
    /// The system's error number, where that is the reason and whoever catches this may want to know.
    var code: Int32?

    static func usage(_ text: String) -> Self { Self(kind: .usage, description: text) }
    static func runtime(_ text: String, code: Int32? = nil) -> Self {
        Self(kind: .runtime, description: text, code: code)
    }
}
