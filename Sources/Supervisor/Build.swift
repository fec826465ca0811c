// What this program is called and which release it is.

enum Build {
    static let version = "0.1.0"
}
