// A place in the settings: where a directive's value goes, and where its default is read.

struct Setting<Value: Sendable>: Sendable {
    typealias Path = any WritableKeyPath<Settings, Value> & Sendable

    /// Nil when there is none.
    let get: @Sendable (Settings) -> Value?
    let set: @Sendable (inout Settings, Value) -> Void

    static func at(_ path: Path) -> Setting {
        Setting(get: { $0[keyPath: path] }, set: { $0[keyPath: path] = $1 })
    }

    /// A value that has none until it is given.
    static func at(_ path: any WritableKeyPath<Settings, Value?> & Sendable) -> Setting {
        Setting(get: { $0[keyPath: path] }, set: { $0[keyPath: path] = $1 })
    }

    /// What is less counts as `least`.
    static func at(_ path: Path, atLeast least: Value) -> Setting where Value: Comparable {
        Setting(get: { $0[keyPath: path] }, set: { $0[keyPath: path] = max($1, least) })
    }
}
