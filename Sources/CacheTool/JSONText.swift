// Writing JSON and aligned columns; nothing here reads either.

/// A JSON object under construction, in order.
struct JSONObject {
    private var members: [String] = []

    init() {}
    init(_ numbers: [(String, Int)]) {
        for (name, value) in numbers { add(name, value) }
    }

    mutating func add(_ name: String, _ value: Int) { members.append("\(JSONObject.quoted(name)):\(value)") }
    mutating func add(_ name: String, _ value: Double) {
        members.append("\(JSONObject.quoted(name)):\(JSONObject.text(value))")
    }
    mutating func add(_ name: String, _ value: Bool) { members.append("\(JSONObject.quoted(name)):\(value)") }
    mutating func add(_ name: String, _ value: String) {
        members.append("\(JSONObject.quoted(name)):\(JSONObject.quoted(value))")
    }
    mutating func add(_ name: String, object: JSONObject) {
        members.append("\(JSONObject.quoted(name)):\(object.text)")
    }
    mutating func add(_ name: String, list: [JSONObject]) {
        members.append("\(JSONObject.quoted(name)):[\(list.map(\.text).joined(separator: ","))]")
    }
    mutating func add(_ name: String, strings: [String]) {
        members.append("\(JSONObject.quoted(name)):[\(strings.map(JSONObject.quoted).joined(separator: ","))]")
    }

    var text: String { "{\(members.joined(separator: ","))}" }

    /// Four decimals.
    static func text(_ value: Double) -> String {
        let scaled = Int((value * 10_000).rounded())
        let (whole, part) = (scaled.magnitude / 10_000, scaled.magnitude % 10_000)
        let digits = String(part)
        return "\(scaled < 0 ? "-" : "")\(whole)." + String(repeating: "0", count: 4 - digits.count) + digits
    }

    static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case _ where scalar.value < 32:
                let hex = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}

/// Two aligned columns.
enum Columns {
    static func text(_ lines: [(String, String)]) -> String {
        let width = (lines.map { $0.0.count }.max() ?? 0) + 2
        return lines.map { $0.0 + String(repeating: " ", count: width - $0.0.count) + $0.1 }.joined(separator: "\n")
    }
}
