// The configuration file as a JSON Schema (draft 2020-12), for editors that complete and check YAML by one. Made from
// the table that the reader uses; the reader is stricter where a schema cannot be.
import Foundation

enum ConfigurationSchema {
    private typealias Object = [String: Any]

    static var text: String {
        var properties: Object = [:]
        for directive in Directive.all {
            add(schema(of: directive), at: directive.path.split(separator: ".").map(String.init)[...], to: &properties)
        }
        properties["origins"] = ["$ref": "#/$defs/origins"]
        properties["sites"] = ["type": "array", "items": site]
        var root = object(properties)
        root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
        root["title"] = "Martlet configuration"
        root["not"] = ["required": ["origin", "origins"]]
        root["$defs"] = [
            "origin": ["anyOf": [["type": "string"], origin]],
            "origins": ["type": "array", "minItems": 1, "maxItems": 64, "items": ["$ref": "#/$defs/origin"]],
        ]
        let options: JSONSerialization.WritingOptions = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard let data = try? JSONSerialization.data(withJSONObject: root, options: options) else { return "" }
        return String(decoding: data, as: UTF8.self) + "\n"
    }

    // MARK: Directives

    private static func add(_ schema: Object, at path: ArraySlice<String>, to properties: inout Object) {
        guard let first = path.first else { return }
        guard path.count > 1 else {
            properties[first] = schema
            return
        }
        var group = properties[first] as? Object ?? object([:])
        var inner = group["properties"] as? Object ?? [:]
        add(schema, at: path.dropFirst(), to: &inner)
        group["properties"] = inner
        properties[first] = group
    }

    private static func schema(of directive: Directive) -> Object {
        var schema = values(of: directive.kind)
        schema["description"] = describe(directive.help, directive.defaultText)
        return schema
    }

    private static func values(of kind: Directive.Kind) -> Object {
        switch kind {
        case .text: ["type": ["string", "integer"]]
        case .texts: textOrTexts
        case .bytes, .size: quantity("^[0-9.]+ ?([KMGTkmgt](i?[Bb])?|[Bb])?$")
        case .milliseconds, .seconds: quantity("^(off|[0-9.]+ ?(ms|s|m|min|h|d)?)$")
        case .count(let range, _):
            ["type": "integer", "minimum": Int(range.lowerBound), "maximum": Int(range.upperBound)]
        case .share: ["type": "string", "pattern": "^[0-9.]+ ?%$"]
        case .flag: ["type": "boolean"]
        case .oneOf(let names, _): ["enum": names]
        }
    }

    // MARK: Lists

    private static var origin: Object {
        var schema = object(parts(Directive.ofOrigin))
        var properties = schema["properties"] as? Object ?? [:]
        properties["weight"] = ["type": "integer", "minimum": 1, "maximum": 1000]
        schema["properties"] = properties
        schema["required"] = ["url"]
        return schema
    }

    private static var site: Object {
        var properties = parts(Directive.ofSite)
        properties["hosts"] = textOrTexts
        properties["origin"] = ["$ref": "#/$defs/origin"]
        properties["origins"] = ["$ref": "#/$defs/origins"]
        properties["balance"] = ["enum": Directive.balances.map(\.key)]
        properties["origin-host"] = ["enum": Directive.hostFields.map(\.key)]
        var schema = object(properties)
        schema["required"] = ["hosts"]
        schema["oneOf"] = [["required": ["origin"]], ["required": ["origins"]]]
        return schema
    }

    private static func parts(_ list: [Directive.Part]) -> Object {
        var properties: Object = [:]
        for part in list {
            properties[part.name] = ["type": "string", "description": describe(part.help, part.otherwise)]
        }
        return properties
    }

    // MARK: Pieces

    private static var textOrTexts: Object {
        ["anyOf": [["type": "string"], ["type": "array", "items": ["type": "string"]]]]
    }

    private static func object(_ properties: Object) -> Object {
        ["type": "object", "additionalProperties": false, "properties": properties]
    }

    /// A number with a unit, or without one.
    private static func quantity(_ pattern: String) -> Object {
        ["anyOf": [["type": "number", "minimum": 0], ["type": "string", "pattern": pattern]]]
    }

    private static func describe(_ help: String, _ otherwise: String?) -> String {
        otherwise.map { "\(help). Default: \($0)." } ?? help + "."
    }
}
